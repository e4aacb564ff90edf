//go:build !amd64

package scorer

func nextMark(marks []byte, mark uint16) int { return findMark(marks, mark) }
