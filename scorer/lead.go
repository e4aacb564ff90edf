package scorer

// Key names a rule or a criterion inside a Lead in four bytes: the 32-bit FNV-1a hash of its ID. It depends on
// nothing but the ID, so a model may add, drop and reorder rules and stored leads stay readable. A model in which two
// IDs share a key is refused when it is read.
type Key uint32

// KeyOf is the key of a rule or criterion ID. FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/.
func KeyOf(id string) Key {
	h := uint32(2166136261)
	for i := 0; i < len(id); i++ {
		h ^= uint32(id[i])
		h *= 16777619
	}
	return Key(h)
}

// Lead is everything that is remembered of one lead. What is stored is decayed counts, not points, so a model that
// changes points, caps, fit or tiers applies to every stored lead without replay. The zero Lead with an ID is a lead
// that no event has reached.
//
// Strings in a decoded Lead may alias the blob that it was decoded from; whoever keeps one longer clones it.
type Lead struct {
	ID string

	// Clock is the newest instant that was folded or advanced to. It never runs backwards; an event older than it is late.
	Clock Instant
	// FirstSeen and LastSeen are the oldest and newest event times; Engaged is the newest engagement event's (0: none),
	// from which engagement.idle counts.
	FirstSeen, LastSeen, Engaged Instant

	// Tier is the tier's name; "" until the first fold, which begins in the model's last tier. Since is when the lead
	// entered it (its first fold's instant where it never moved), Stage the highest stage reached ("" none).
	Tier  string
	Since Instant
	Stage string
	// Moved is whether a tier change was ever announced; until then Since is no change's instant.
	Moved bool
	// Sequence numbers the announced changes (tiers and stages alike) from 1; 0: nothing was announced.
	Sequence uint64
	// ModelVersion is the version of the model under which Tier was last decided (0: none).
	ModelVersion int
	// Due is an instant not later than the next change that time alone will make; Never where there is none. The lead
	// is looked at again at Due: early is harmless, late is a broken promise.
	Due Instant

	Account   string
	AccountAt Instant

	// Reset is the newest reset of the engagement: events before it do not count any more (0: none).
	Reset Instant
	// Counters, sorted by Rule: what each engagement rule has counted.
	Counters []Counter
	// Ratings, sorted by Criterion: the newest of each.
	Ratings []Rating
	// Profile, sorted by Name: the newest value of each attribute. A removed one stays as a null until its time can't
	// matter any more.
	Profile []Attribute

	Disposition   string
	DispositionAt Instant
	Conversion    Conversion

	// Seen are the events of the last seven days, oldest first, by which a duplicate is known; no more than the newest
	// 4096. Of a lead with more events than that in seven days the oldest are forgotten before their time
	// (Result.Forgot), and one of them that comes again counts again.
	Seen SeenEvents
}

// Counter is what one rule has counted for one lead.
//
// A reset drops the Marks up to and including its instant, and the Sum with them; of a rolling limit, which they still
// fill, the Marks stay with no weight. The Sum is then made anew of the Marks after it. Where there are none (a half-life or no decay, without a rolling limit) a reset that arrives late
// therefore also empties what was counted after its instant, for a Sum does not tell which events it is of.
type Counter struct {
	Rule Key
	// Count is how many events counted: in the lead's life, resets or not, where the rule's limit has no per; since the
	// newest reset elsewhere, where no limit asks for it.
	Count uint32
	// Sum is Σ wᵢ·keep(Ref−tᵢ) for half-life and no decay, Ref the newest tᵢ: so the fold does not depend on the order
	// of arrival. For the other decays Sum is 0 and Marks hold what counted.
	Sum float64
	Ref Instant
	// Marks are counted times, oldest first: of the decays that need them, and of rolling limits.
	Marks []Mark
}

// Mark is one counted event (or several, merged): when, and with what weight.
type Mark struct {
	At     Instant
	Weight float64
}

// Rating is the newest rating of one criterion.
type Rating struct {
	Criterion Key
	Value     float64
	At        Instant
}

// Attribute is the newest value of one profile attribute.
type Attribute struct {
	Name  string
	Value Value
	At    Instant
}

// Kind is the type of a Value.
type Kind uint8

// The kinds of a Value. Null removes an attribute.
const (
	Null Kind = iota
	Bool
	Number
	String
)

// Value is a JSON scalar. A Bool is Number 0 or 1.
type Value struct {
	Kind   Kind
	Number float64
	String string
}

// Conversion is what became of a lead: recorded for the evaluation of models, it does not score. Outcome is "won",
// "lost" or "" (none yet); Amount is in the sender's currency.
type Conversion struct {
	Outcome string
	Amount  float64
	At      Instant
}

// Clear makes l the lead named id that no event has reached, and keeps its slices' memory for the next one.
func (l *Lead) Clear(id string) {
	l.Seen.Clear()
	*l = Lead{
		ID: id, Due: Never,
		Counters: l.Counters[:0], Ratings: l.Ratings[:0], Profile: l.Profile[:0], Seen: l.Seen,
	}
}
