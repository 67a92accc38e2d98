package account

// Options are what the command line says about every row of a list. The zero
// value is usable.
type Options struct {
	AllowMerge   bool         // several rows may have one destination account
	Source, Dest SideDefaults // for rows that do not say it themselves
}

// SideDefaults fills in what a row leaves open on one side. The zero value
// fills in nothing.
type SideDefaults struct {
	Port       int // 0: none
	Security   Security
	AuthUser   string
	SkipVerify bool
}

// List is a list that was read without an error.
type List struct {
	Pairs    []Pair   // in the order of their lines; at least one
	Warnings []string // for the operator, without passwords; one line each
}
