package wire

import "strings"

// kind is the kind of an untagged response.
type kind struct {
	name   string // upper case
	status bool   // its rest is text: a brace in it announces nothing
	client bool   // go-imap's parser knows it; of any other it would die
}

// kindOf knows the usual ones without allocating.
func kindOf(word []byte) kind {
	if len(word) > maxWord {
		word = word[:maxWord]
	}
	var buf [maxWord]byte
	up := buf[:len(word)]
	for i, b := range word {
		if b >= 'a' && b <= 'z' {
			b -= 'a' - 'A'
		}
		up[i] = b
	}
	switch string(up) {
	case "FETCH":
		return kind{"FETCH", false, true}
	case "EXISTS":
		return kind{"EXISTS", false, true}
	case "RECENT":
		return kind{"RECENT", false, true}
	case "EXPUNGE":
		return kind{"EXPUNGE", false, true}
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		return kind{string(up), true, true}
	case "CAPABILITY", "ENABLED", "ID", "NAMESPACE", "FLAGS", "LIST", "STATUS", "SEARCH", "ESEARCH",
		"SORT", "THREAD", "METADATA", "QUOTA", "QUOTAROOT", "MYRIGHTS", "ACL":
		return kind{string(up), false, true}
	}
	return kind{strings.Clone(string(up)), false, false}
}
