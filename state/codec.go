package state

import "github.com/hotlead/hotlead/scorer"

// AppendLead appends l to b, without its ID, which is the field that the blob is stored under.
func AppendLead(b []byte, l *scorer.Lead) []byte { return b }

// DecodeLead reads what AppendLead wrote, of this version of hotlead or an earlier one, into a lead whose slices it
// reuses; into.ID is left as it is. The lead's strings alias blob. Its errors: ErrDamaged, ErrNewer.
func DecodeLead(blob []byte, into *scorer.Lead) error { return errNotYet }
