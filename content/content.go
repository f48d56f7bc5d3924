// Package content holds what a centre can begin with on the first day: complete
// diagnostic instruments as files (see diagnostics/task for their form).
package content

import (
	"embed"
	"fmt"
)

//go:embed *.json
var files embed.FS

// Codes of the instruments, in the order they are offered.
const (
	MathTeacher      = "math-teacher"
	PreschoolTeacher = "preschool-teacher"
)

// Instrument returns the file of an instrument by its code.
func Instrument(code string) ([]byte, error) {
	b, err := files.ReadFile(code + ".json")
	if err != nil {
		return nil, fmt.Errorf("instrument %s: %w", code, err)
	}
	return b, nil
}

// Spare returns the file of spare tasks that go with an instrument (see task.Spare).
func Spare(code string) ([]byte, error) {
	b, err := files.ReadFile(code + "-spare.json")
	if err != nil {
		return nil, fmt.Errorf("spare tasks of %s: %w", code, err)
	}
	return b, nil
}
