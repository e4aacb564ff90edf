package events

import (
	"fmt"

	"github.com/hotlead/hotlead/scorer"
)

// The reasons for which an event is refused. They are stable: dashboards and tools may rely on them. REASONS.md says of
// each what to do about it. Those of a model (ReasonUnknownCriterion, and ReasonRatingOutOfRange as to a scale) are
// given where the event is folded, all others by a Decoder.
const (
	// ReasonTombstone: the record's value is null and no header says that it is an event.
	ReasonTombstone = "tombstone"
	// ReasonTooLarge: key, value and headers together are larger than limits.event_bytes.
	ReasonTooLarge = "too_large"
	// ReasonInvalidJSON: the value is not a JSON text in UTF-8, or a structured event is not an object.
	ReasonInvalidJSON = "invalid_json"
	// ReasonTooDeep: the JSON nests deeper than the limit.
	ReasonTooDeep = "too_deep"
	// ReasonDuplicateAttribute: an attribute of the event, or a name in its data that matters, stands there twice.
	ReasonDuplicateAttribute = "duplicate_attribute"
	// ReasonMissingSpecversion: there is no specversion, so it is not a CloudEvent.
	ReasonMissingSpecversion = "missing_specversion"
	// ReasonUnsupportedSpecversion: specversion is not "1.0".
	ReasonUnsupportedSpecversion = "unsupported_specversion"
	// ReasonUnsupportedContentType: the data is not JSON, or the event is in a format other than JSON, or a batch.
	ReasonUnsupportedContentType = "unsupported_content_type"
	// ReasonBinaryData: the data is in data_base64.
	ReasonBinaryData = "binary_data"
	// ReasonMissingID: id is absent or empty.
	ReasonMissingID = "missing_id"
	// ReasonInvalidID: id is not a string, is longer than 1,024 bytes, or holds control characters.
	ReasonInvalidID = "invalid_id"
	// ReasonMissingSource: source is absent or empty.
	ReasonMissingSource = "missing_source"
	// ReasonInvalidSource: source is not a string, is longer than 1,024 bytes, or holds control characters.
	ReasonInvalidSource = "invalid_source"
	// ReasonMissingType: type is absent or empty.
	ReasonMissingType = "missing_type"
	// ReasonInvalidType: type is not a string, is longer than 1,024 bytes, or holds control characters.
	ReasonInvalidType = "invalid_type"
	// ReasonUnknownType: an event on the qualification topic is of none of the qualification types.
	ReasonUnknownType = "unknown_type"
	// ReasonMissingSubject: there is neither a subject nor a key, so no lead ID.
	ReasonMissingSubject = "missing_subject"
	// ReasonInvalidSubject: the lead ID is not a string, is empty or longer than 256 bytes, is not UTF-8, or holds
	// control characters.
	ReasonInvalidSubject = "invalid_subject"
	// ReasonInvalidTime: time is not an RFC 3339 time after 1970 began; or it is absent and the record has no timestamp.
	ReasonInvalidTime = "invalid_time"
	// ReasonInvalidData: data lacks what the event's type needs, or holds it in another shape.
	ReasonInvalidData = "invalid_data"
	// ReasonUnknownCriterion: the model has no such criterion.
	ReasonUnknownCriterion = "unknown_criterion"
	// ReasonRatingOutOfRange: a rating is outside of the model's scale, or too large for any.
	ReasonRatingOutOfRange = "rating_out_of_range"
	// ReasonUnknownDisposition: the disposition is none of invalid, not_interested and interested.
	ReasonUnknownDisposition = "unknown_disposition"
	// ReasonProfileTooLarge: there are more than 256 attributes, or they are larger than limits.profile_bytes.
	ReasonProfileTooLarge = "profile_too_large"
)

// Reasons are all of them, in the order of REASONS.md.
func Reasons() []string {
	return []string{
		ReasonTombstone, ReasonTooLarge, ReasonInvalidJSON, ReasonTooDeep, ReasonDuplicateAttribute,
		ReasonMissingSpecversion, ReasonUnsupportedSpecversion, ReasonUnsupportedContentType, ReasonBinaryData,
		ReasonMissingID, ReasonInvalidID, ReasonMissingSource, ReasonInvalidSource, ReasonMissingType, ReasonInvalidType,
		ReasonUnknownType, ReasonMissingSubject, ReasonInvalidSubject, ReasonInvalidTime, ReasonInvalidData,
		ReasonUnknownCriterion, ReasonRatingOutOfRange, ReasonUnknownDisposition, ReasonProfileTooLarge,
	}
}

// refuse is a refusal. The arguments of detail must be limits, names of the wire and byte offsets, never a value that
// the event brought: details are written to logs.
func refuse(reason, detail string, args ...any) *scorer.Refusal {
	return &scorer.Refusal{Reason: reason, Detail: fmt.Sprintf(detail, args...)}
}
