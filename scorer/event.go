package scorer

// Event is one input event, decoded and valid by itself; what only a model can judge (an unknown criterion, a rating
// out of range) is judged by Apply. Strings and Data may alias the buffer that the event was read from: Apply clones
// what a Lead keeps.
type Event struct {
	// Identity is [IdentityOf] of Source and ID, where whoever made the event had them at hand and worked it out; 0: Apply
	// works it out.
	Identity uint64
	// Time is when it happened, already bounded to at most five minutes after the record's timestamp.
	Time Instant
	Type string
	// Account is data.account_id, "" where there is none.
	Account string
	// Qualification is set for the five types that say what people learned, nil for an engagement event.
	Qualification *Qualification
	// Data is the JSON text of data; nil where there is none. It is valid JSON.
	Data   []byte
	Lead   string
	Source string
	ID     string
	// Traceparent is the W3C trace context, "" where there is none.
	Traceparent string
}

// Qualification is the data of a qualification event: exactly one of its parts is set.
type Qualification struct {
	Ratings     []CriterionRating
	Attributes  []Attribute // At is not set
	Disposition string
	Conversion  Conversion // At is not set
}

// CriterionRating is one rating given.
type CriterionRating struct {
	Criterion string
	Value     float64
}

// Refusal is the error of an event that can't be scored. Reason is a stable code for machines, Detail a sentence for
// people, without any of the lead's data.
type Refusal struct {
	Reason string
	Detail string
}

func (r *Refusal) Error() string { return r.Reason + ": " + r.Detail }
