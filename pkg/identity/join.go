package identity

import (
	"cmp"
	"slices"
)

// Join groups the members of two sides by a key, in the order of the key, and
// calls do for each group, also for those that one side alone has. Within a
// group they are in the order of tie. It sorts the slices that it is given,
// and the groups are parts of them.
func Join[T any](a, b []T, key, tie func(a, b T) int, do func(a, b []T)) {
	order := func(x, y T) int { return cmp.Or(key(x, y), tie(x, y)) }
	slices.SortFunc(a, order)
	slices.SortFunc(b, order)
	for len(a) > 0 || len(b) > 0 {
		var first T
		if len(b) == 0 || len(a) > 0 && key(a[0], b[0]) <= 0 {
			first = a[0]
		} else {
			first = b[0]
		}
		n, m := run(a, first, key), run(b, first, key)
		do(a[:n], b[:m])
		a, b = a[n:], b[m:]
	}
}

// run returns how many at the front of all have the key of first.
func run[T any](all []T, first T, key func(a, b T) int) int {
	n := 0
	for n < len(all) && key(all[n], first) == 0 {
		n++
	}
	return n
}
