package scorer

// A condition or expression is compiled to a tree of nodes. Each node answers twice: at one instant (at), and over a
// stretch of time during which the moving names range over intervals (over). Neither allocates.
//
// The semantics are CEL's: a missing or wrongly typed value is a failure, and a failure spreads to whatever needs the
// value, except that `false && failure` is false and `true || failure` is true, in either order.

// truth is what a condition is at one instant.
type truth uint8

const (
	no truth = iota
	yes
	failed // it can't be evaluated
)

// truths are the truths that a condition can take over a stretch, as a set.
type truths uint8

const (
	canNo truths = 1 << iota
	canYes
	canFail
)

// set is the set of this truth alone.
func (t truth) set() truths { return 1 << t }

type boolNode interface {
	at(s *scene) truth
	over(lo, hi []float64, s *scene) truths
}

type numberNode interface {
	at(s *scene) (float64, bool)
	over(lo, hi []float64, s *scene) numbers
}

// numbers are the values that a number can take over a stretch: those from lo to hi (none where lo is above hi), and
// not-a-number or a failure where these are possible. point says that nothing below moves, so that lo is the value, to
// the bit.
type numbers struct {
	lo, hi           float64
	point, nan, fail bool
}
