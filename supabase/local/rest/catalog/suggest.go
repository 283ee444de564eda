package catalog

import "strings"

// leastLikeness is the likeness from which on a name is offered as a hint.
const leastLikeness = 0.5

// Nearest is the candidate most like name, by edit distance, without regard to case; empty when none is near.
func Nearest(name string, candidates []string) string {
	best, bestLikeness := "", leastLikeness
	for _, candidate := range candidates {
		if likeness := likeness(strings.ToLower(name), strings.ToLower(candidate)); likeness > bestLikeness {
			best, bestLikeness = candidate, likeness
		}
	}
	return best
}

// likeness is 1 for equal strings and 0 for strings without anything in common.
func likeness(a, b string) float64 {
	longest := max(len(a), len(b))
	if longest == 0 {
		return 1
	}
	return 1 - float64(distance(a, b))/float64(longest)
}

// distance counts the bytes to insert, delete or replace (Levenshtein), row by row.
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
