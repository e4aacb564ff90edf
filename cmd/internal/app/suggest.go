package app

import "strings"

// suggestKey names the key that was probably meant by child below section: the nearest of its siblings, else one of
// that name elsewhere. It begins with "; ", or is "" where nothing is near.
func (l *loader) suggestKey(section, child string) string {
	siblings := l.children(section)
	if near := Nearest(child, siblings); near != "" {
		return "; did you mean " + strings.TrimPrefix(section+"."+near, ".") + "?"
	}
	for _, k := range l.keys {
		if k.name == child || strings.HasSuffix(k.name, "."+child) {
			return "; did you mean " + k.name + "?"
		}
	}
	return "; " + sectionWords(section) + " has " + strings.Join(siblings, ", ")
}

func (l *loader) suggestVariable(name string) string {
	var names []string
	for _, k := range l.keys {
		names = append(names, k.variable())
	}
	if near := Nearest(name, names); near != "" {
		return "; did you mean " + near + "?"
	}
	return "; hotlead run --help lists them all"
}

// Nearest is the candidate that differs least from name, "" where all differ in more than a third of it. One that name
// merely continues (warning for warn) is as near as one letter.
func Nearest(name string, candidates []string) string {
	name = strings.ToLower(name)
	best, least := "", max(1, len(name)/3)+1
	for _, c := range candidates {
		d := distance(name, strings.ToLower(c))
		if len(c) >= 4 && strings.HasPrefix(name, strings.ToLower(c)) {
			d = 1
		}
		if d < least {
			best, least = c, d
		}
	}
	return best
}

// distance is how many letters must be added, dropped, changed or swapped with their neighbour to make b of a: the
// optimal string alignment distance.
func distance(a, b string) int {
	before, previous := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		current := make([]int, len(b)+1)
		current[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			current[j] = min(previous[j]+1, current[j-1]+1, previous[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				current[j] = min(current[j], before[j-2]+1)
			}
		}
		before, previous = previous, current
	}
	return previous[len(b)]
}
