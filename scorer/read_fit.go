package scorer

import (
	"cmp"
	"math"
	"slices"
	"strconv"
)

// readGrades reads the grades of fit.
func (r *reader) readGrades(f *fields, m *Model) {
	for _, pair := range f.entries("grades", maxLevels) {
		g := grade{name: r.wordOf(pair.key, "a grade")}
		var known bool
		if g.bound, known = r.numberOf(pair.value, "a grade's bound", -maxNumber, maxNumber); !known {
			g.bound = math.NaN() // beside no other
		}
		if at := slices.IndexFunc(m.fit.grades, func(other grade) bool { return other.bound == g.bound }); at >= 0 {
			r.fail(pair.value.place, "give each grade a bound of its own",
				"grades %s and %s begin at the same score", m.fit.grades[at].name, g.name)
		}
		m.fit.grades = append(m.fit.grades, g)
		r.words.grades = append(r.words.grades, g.name)
	}
	slices.SortStableFunc(m.fit.grades, func(a, b grade) int { return cmp.Compare(b.bound, a.bound) })
}

// readFit reads who leads are is worth. The grades have been read.
func (r *reader) readFit(f *fields, m *Model) {
	m.fit.max = f.share("max")
	for _, n := range f.list("rules", maxRules) {
		rf, id := r.ruleFields(n, "id", "when", "points")
		rf.require("when", "points")
		out := fitRule{id: id, points: rf.number("points", -maxNumber, maxNumber, 0)}
		if n := rf.get("when"); n != nil {
			out.when = r.condition(n, seesProfile)
		}
		m.fit.rules = append(m.fit.rules, out)
	}
}

// readQualification reads what people can learn by asking.
func (r *reader) readQualification(model *fields, m *Model) {
	q := &m.qualification
	f := r.fields(model.get("qualification"), "qualification", "scale", "criteria", "routes")
	if f.get("criteria") != nil {
		f.require("scale")
	}
	scale := r.fields(f.get("scale"), "scale", "min", "max")
	scale.require("min", "max")
	q.min, q.max = scale.number("min", -maxNumber, maxNumber, 0), scale.number("max", -maxNumber, maxNumber, 0)
	if scale.get("min") != nil && scale.get("max") != nil && q.min >= q.max {
		r.fail(scale.get("max").place, "", "the highest rating (%v) must be above the lowest (%v)", q.max, q.min)
	}
	q.byKey = map[Key]int{}
	for i, pair := range f.entries("criteria", maxCriteria) {
		c := r.criterion(pair, q)
		if other, taken := q.byKey[c.key]; taken {
			r.fail(pair.key.place, "change one of them a little",
				"the criteria %s and %s share a key and would be taken for one", q.criteria[other].name, c.name)
		}
		q.byKey[c.key] = i
		q.criteria = append(q.criteria, c)
		r.words.criteria = append(r.words.criteria, c.name)
	}
	q.routes = map[string]string{}
	for _, pair := range f.entries("routes", maxLevels) {
		if !slices.Contains(dispositions(), pair.key.text) {
			r.unknown(pair.key, "disposition", dispositions())
		}
		q.routes[pair.key.text] = r.wordOf(pair.value, "a route")
	}
}

// criterion reads one criterion. The scale has been read.
func (r *reader) criterion(pair yamlPair, q *qualification) criterion {
	name := r.identifierOf(pair.key, "a criterion")
	out := criterion{name: name, key: KeyOf(name), label: name}
	f := r.fields(pair.value, "criterion "+strconv.Quote(name), "label", "questions", "levels")
	if f.get("label") != nil {
		out.label = f.text("label")
	}
	for _, n := range f.list("questions", maxLevels) {
		out.questions = append(out.questions, r.textOf(n, "a question"))
	}
	for _, entry := range f.entries("levels", maxLevels) {
		rating, err := strconv.ParseFloat(entry.key.text, 64)
		if err != nil || math.IsNaN(rating) || q.min < q.max && (rating < q.min || rating > q.max) {
			r.fail(entry.key.place, "", "a level's key must be a rating of the scale, %s", rangeOf(q.min, q.max))
		}
		out.levels = append(out.levels, level{rating: rating, text: r.textOf(entry.value, "a level")})
	}
	slices.SortStableFunc(out.levels, func(a, b level) int { return cmp.Compare(b.rating, a.rating) })
	return out
}
