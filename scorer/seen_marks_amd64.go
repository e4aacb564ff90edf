package scorer

// nextMark is findMark, by the instructions that every such processor has for comparing eight marks at a time: a busy lead
// is asked in a third of the time.
func nextMark(marks []byte, mark uint16) int {
	if len(marks) < 16 {
		return findMark(marks, mark)
	}
	return findMarkOfMany(marks, mark)
}

// findMarkOfMany is findMark of eight marks or more.
//
//go:noescape
func findMarkOfMany(marks []byte, mark uint16) int
