package verify

// filtered says which of the row's own rules leaves a message out.
func (r *row) filtered(s *left) (rule string, ok bool) {
	if r.pair.Rules == nil {
		return "", false
	}
	m := &r.pair.Rules.Messages
	switch {
	case r.pair.Rules.JustFolders:
		return "--justfolders", true
	case !m.ByDateHeader && s.date != noDate && !m.WantsDate(s.when()):
		return "its date", true
	case s.octets > 0 && !m.WantsSize(s.octets): // 0: what servers say that do not know
		return "its size", true
	}
	return "", false
}
