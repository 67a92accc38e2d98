package rules

// Nearest returns which of names takes the fewest edits to get from name, and
// their number; the first of several, and "" when there are none.
func Nearest(name string, names []string) (nearest string, edits int) {
	for i, n := range names {
		if d := distance(name, n); i == 0 || d < edits {
			nearest, edits = n, d
		}
	}
	return nearest, edits
}

// distance is the number of octets to insert, remove or replace to get from a
// to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
