package scorer

import (
	"cmp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
)

// sight is what a condition or expression sees, which follows from where in the model it stands.
type sight uint8

const (
	seesEvent   sight = iota // when and points of a rule: the event, and the lead just before it
	seesLead                 // a rule on idle, rank: the lead at one instant
	seesProfile              // a fit rule: the profile alone
	seesStretch              // tiers and stages: the lead, over stretches of time
)

// nameKind says where the value of a name comes from.
type nameKind uint8

const (
	fromMoving nameKind = iota
	fromStill
	fromData
	fromSource
	fromType
)

// name is a name in a condition, resolved: engagement.score, has(profile.title), data.url.
type name struct {
	text    string // as conditions write it; with has(…) around it where only presence is asked
	kind    nameKind
	slot    int // of moving and still names
	still   stillKind
	path    []string // below data
	has     bool
	celType *cel.Type
}

// leadNames are the names of a lead that every model has; the named ones (groups, attributes, ratings) come on top.
func leadNames() map[string]name {
	still := func(kind stillKind, celType *cel.Type) name {
		return name{kind: fromStill, still: kind, celType: celType}
	}
	return map[string]name{
		"score":                     {kind: fromMoving, slot: movingScore, celType: cel.DoubleType},
		"engagement.score":          {kind: fromMoving, slot: movingEngagement, celType: cel.DoubleType},
		"engagement.idle":           {kind: fromMoving, slot: movingIdle, celType: cel.DurationType},
		"fit.score":                 still(stillFitScore, cel.DoubleType),
		"fit.grade":                 still(stillFitGrade, cel.StringType),
		"qualification.total":       still(stillTotal, cel.DoubleType),
		"qualification.rated":       still(stillRated, cel.DoubleType),
		"qualification.complete":    still(stillComplete, cel.BoolType),
		"qualification.floor":       still(stillFloor, cel.DoubleType),
		"qualification.ceiling":     still(stillCeiling, cel.DoubleType),
		"qualification.disposition": still(stillDisposition, cel.StringType),
		"tier":                      still(stillTier, cel.StringType),
		"stage":                     still(stillStage, cel.StringType),
	}
}

// vocabulary is what the conditions of one model can name, and the still slots that they have used so far.
type vocabulary struct {
	lead     map[string]name
	groups   []string
	criteria []string
	tiers    []string
	stages   []string
	grades   []string

	stills []stillName
	reads  reading
}

// reading is what the conditions and expressions of a model read: what none reads need not be worked out.
type reading struct {
	moving []int // the moving slots that any of them reads
	// Of the tiers and stages alone: moving slots, still slots (but tier and stage), and the numbers that stand there.
	settledBy  []int
	settledIn  []int
	thresholds []float64
}

// note notes that a condition or expression reads these names.
func (r *reading) note(what sight, names map[string]name) {
	for _, n := range names {
		switch {
		case n.kind == fromMoving:
			r.moving = with(r.moving, n.slot)
			if what == seesStretch {
				r.settledBy = with(r.settledBy, n.slot)
			}
		case n.kind == fromStill && what == seesStretch && n.still != stillTier && n.still != stillStage:
			r.settledIn = with(r.settledIn, n.slot)
		}
	}
}

// with is the set of sorted elements with one more.
func with[T cmp.Ordered](set []T, element T) []T {
	at, there := slices.BinarySearch(set, element)
	if there {
		return set
	}
	return slices.Insert(set, at, element)
}

// roots are the words that a name can begin with.
func (v *vocabulary) roots() []string {
	return []string{"data", "engagement", "fit", "profile", "qualification", "score", "source", "stage", "tier", "type"}
}

// known are all names that can be listed for this sight, for suggestions.
func (v *vocabulary) known(what sight) []string {
	var all []string
	if what != seesProfile {
		for text := range v.lead {
			all = append(all, text)
		}
		for _, group := range v.groups {
			all = append(all, "engagement.groups."+group)
		}
		for _, criterion := range v.criteria {
			all = append(all, "qualification.ratings."+criterion)
		}
	}
	if what == seesEvent {
		all = append(all, "data", "source", "type")
	}
	sort.Strings(all)
	return append(all, "profile")
}

// problem is what is wrong with a name.
type problem struct{ message, mend string }

// resolve finds what the dotted path names. used is how many of its words the name takes: the rest is field selection
// on its value, for CEL to judge.
func (v *vocabulary) resolve(path []string, what sight) (n name, used int, wrong *problem) {
	switch path[0] {
	case "data", "source", "type":
		return v.resolveEvent(path, what)
	case "profile":
		if len(path) < 2 {
			return n, 0, &problem{"profile is no value by itself", "name an attribute: profile.title"}
		}
		if len(path) > 2 {
			return n, 0, &problem{"there is nothing below " + dotted(path[:2]) + ", for an attribute is a text, a number, or true or false",
				"one with a dot in its name is " + dotted([]string{path[0], strings.Join(path[1:], ".")})}
		}
		n = name{kind: fromStill, still: stillProfile, celType: cel.DynType}
		n.slot, n.text = v.slotOf(stillName{kind: stillProfile, name: path[1]}), dotted(path[:2])
		return n, 2, nil
	}
	if what == seesProfile {
		return n, 0, &problem{"a fit rule sees the profile alone, not " + dotted(path), "name an attribute: profile.title"}
	}
	if n, used, wrong, ok := v.resolveNamed(path); ok {
		return n, used, wrong
	}
	for used := min(2, len(path)); used > 0; used-- {
		n, ok := v.lead[strings.Join(path[:used], ".")]
		if !ok {
			continue
		}
		n.text = dotted(path[:used])
		if n.kind == fromStill {
			n.slot = v.slotOf(stillName{kind: n.still})
		}
		return n, used, nil
	}
	return n, 0, v.unknown(path, what)
}

// unknown is the problem with a path that is no name.
func (v *vocabulary) unknown(path []string, what sight) *problem {
	text, known := dotted(path), v.known(what)
	wrong := &problem{"there is no name " + text, v.meant(path, what, known)}
	below := func(name string) bool { return !strings.HasPrefix(name, path[0]+".") }
	if children := slices.DeleteFunc(slices.Clone(known), below); len(children) > 0 {
		known = children
		if len(path) == 1 {
			wrong = &problem{message: text + " is no value by itself"}
		}
	}
	if wrong.mend == "" {
		wrong.mend = "known: " + orNone(known[:min(len(known), 20)])
	}
	return wrong
}

// meant is the mend of a path that is no name: a text without quotes, a name without its beginning or middle, a misspelt
// one, or an attribute; "" where nothing is near.
func (v *vocabulary) meant(path []string, what sight, known []string) string {
	for _, text := range slices.Concat(v.tiers, v.stages, v.grades, dispositions()) {
		if len(path) == 1 && text != "" && strings.EqualFold(text, path[0]) {
			return "texts stand in quotes: " + strconv.Quote(text)
		}
	}
	for _, name := range known {
		words := strings.Split(name, ".")
		last := len(words) - 1
		if last > 0 && words[last] == path[len(path)-1] && !slices.ContainsFunc(path, func(word string) bool { return !slices.Contains(words, word) }) {
			return "did you mean " + strconv.Quote(name) + "?"
		}
	}
	mend := didYouMean(dotted(path), known)
	if mend == "" && len(path) == 1 && !slices.Contains(v.roots(), path[0]) {
		mend = "texts stand in quotes, and an attribute of the lead is profile." + path[0]
		if what == seesEvent {
			mend += ", what the event brings along data." + path[0]
		}
		mend += "; known: " + orNone(known[:min(len(known), 20)])
	}
	return mend
}

// resolveEvent resolves the names of an event.
func (v *vocabulary) resolveEvent(path []string, what sight) (name, int, *problem) {
	if what != seesEvent {
		return name{}, 0, &problem{path[0] + " is of an event, and there is none here", "only a rule that is not on idle sees one"}
	}
	switch path[0] {
	case "source":
		return name{text: "event.source", kind: fromSource, celType: cel.StringType}, 1, nil
	case "type":
		return name{text: "event.type", kind: fromType, celType: cel.StringType}, 1, nil
	default:
		return name{text: dotted(path), kind: fromData, path: slices.Clone(path[1:]), celType: cel.DynType}, len(path), nil
	}
}

// resolveNamed resolves engagement.groups.NAME and qualification.ratings.NAME.
func (v *vocabulary) resolveNamed(path []string) (n name, used int, wrong *problem, ok bool) {
	if len(path) < 2 {
		return n, 0, nil, false
	}
	var what string
	var names []string
	switch path[0] + "." + path[1] {
	case "engagement.groups":
		what, names = "group", v.groups
	case "qualification.ratings":
		what, names = "criterion", v.criteria
	default:
		return n, 0, nil, false
	}
	if len(path) == 2 {
		return n, 0, &problem{dotted(path) + " is no value by itself", "name a " + what + ": " + orNone(names)}, true
	}
	at := slices.Index(names, path[2])
	if at < 0 {
		wrong := &problem{"the model has no " + what + " " + strconv.Quote(path[2]), didYouMean(path[2], names)}
		if wrong.mend == "" {
			wrong.mend = "known: " + orNone(names)
		}
		return n, 0, wrong, true
	}
	if what == "group" {
		n = name{kind: fromMoving, slot: movingGroups + at, celType: cel.DoubleType}
	} else {
		slot := v.slotOf(stillName{kind: stillRating, name: path[2], key: KeyOf(path[2])})
		n = name{kind: fromStill, still: stillRating, slot: slot, celType: cel.DoubleType}
	}
	n.text = dotted(path[:3])
	return n, 3, nil, true
}

// slotOf is the still slot of s, a new one where it was not used before.
func (v *vocabulary) slotOf(s stillName) int {
	if at := slices.Index(v.stills, s); at >= 0 {
		return at
	}
	v.stills = append(v.stills, s)
	return len(v.stills) - 1
}

// texts are the texts that a name can have in this model, and what one is called; nil where it is free.
func (v *vocabulary) texts(kind stillKind) (what string, texts []string) {
	switch kind {
	case stillTier:
		return "tier", v.tiers
	case stillStage:
		return "stage", append([]string{""}, v.stages...)
	case stillFitGrade:
		return "grade", append([]string{""}, v.grades...)
	case stillDisposition:
		return "disposition", append([]string{""}, dispositions()...)
	default:
		return "", nil
	}
}

// dispositions are what a lead.dispositioned event can say.
func dispositions() []string { return []string{"invalid", "not_interested", "interested"} }

// dotted writes a path as conditions do: profile.title, profile["company size"].
func dotted(path []string) string {
	var b strings.Builder
	for i, word := range path {
		switch {
		case i == 0:
			b.WriteString(word)
		case isIdentifier(word):
			b.WriteString("." + word)
		default:
			b.WriteString("[" + strconv.Quote(word) + "]")
		}
	}
	return b.String()
}

// isIdentifier is whether a condition can write word after a dot.
func isIdentifier(word string) bool {
	for i, c := range []byte(word) {
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return word != "" && !slices.Contains([]string{"in", "true", "false", "null"}, word)
}

// didYouMean suggests the known word nearest to the wrong one; "" where none is near.
func didYouMean(wrong string, known []string) string {
	best, nearest := 1+len(wrong)/3, ""
	for _, word := range known {
		if strings.EqualFold(wrong, word) {
			return "did you mean " + strconv.Quote(word) + "?"
		}
		if d := editDistance(wrong, word); d < best && word != "" {
			best, nearest = d, word
		}
	}
	if nearest == "" {
		return ""
	}
	return "did you mean " + strconv.Quote(nearest) + "?"
}

// editDistance is how many letters must be changed, added, dropped or swapped with their neighbour to make b of a
// (optimal string alignment). Words are cut at 64 bytes.
func editDistance(a, b string) int {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	var rows [3][65]int // by length of a, the newest last
	for j := range len(b) + 1 {
		rows[2][j] = j
	}
	for i := 1; i <= len(a); i++ {
		rows[0], rows[1] = rows[1], rows[2]
		rows[2][0] = i
		for j := 1; j <= len(b); j++ {
			d := rows[1][j-1]
			if a[i-1] != b[j-1] {
				d++
			}
			d = min(d, rows[1][j]+1, rows[2][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[0][j-2]+1)
			}
			rows[2][j] = d
		}
	}
	return rows[2][len(b)]
}

// orNone lists words for people.
func orNone(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}
