package identity

import (
	"cmp"
	"fmt"
	"testing"
)

// Join gives each key once, both sides of it together and in order.
func TestJoin(t *testing.T) {
	type m struct{ key, uid int }
	a := []m{{3, 1}, {1, 9}, {1, 2}, {7, 3}}
	b := []m{{1, 4}, {5, 2}, {7, 8}, {7, 1}}
	var got []string
	Join(a, b, func(x, y m) int { return cmp.Compare(x.key, y.key) }, func(x, y m) int { return cmp.Compare(x.uid, y.uid) },
		func(a, b []m) { got = append(got, fmt.Sprint(a, b)) })
	want := "[[{1 2} {1 9}] [{1 4}] [{3 1}] [] [] [{5 2}] [{7 3}] [{7 1} {7 8}]]"
	if fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}
