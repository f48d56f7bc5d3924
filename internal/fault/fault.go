// Package fault names the few ways an operation can be refused.
//
// Any error that is not a *fault.Error is our own failure: it is logged in full
// and the reader sees "internal error" and a request number.
package fault

import (
	"errors"
	"fmt"
)

// Kind says why an operation was refused. It knows nothing of HTTP.
type Kind uint8

// The kinds of refusal.
const (
	Internal Kind = iota
	Invalid
	NotFound
	Forbidden
	Conflict
	Unauthorized
	TooMany
	Gone
	TooLarge
)

// Error is a refusal the person at the screen may read.
type Error struct {
	Kind    Kind
	Message string            // for people, in the language of the page
	Fields  map[string]string // form field → what is wrong with it; Invalid only
	Cause   error             // for the log, never shown
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Message + ": " + e.Cause.Error()
	}
	return e.Message
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Cause }

// New returns a refusal of the given kind.
func New(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Message: fmt.Sprintf(format, args...)}
}

// Field returns an Invalid refusal that names one form field.
func Field(name, format string, args ...any) *Error {
	m := fmt.Sprintf(format, args...)
	return &Error{Kind: Invalid, Message: m, Fields: map[string]string{name: m}}
}

// KindOf reports the kind of err, Internal for anything that is not a refusal.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// FieldsOf returns what is wrong with each form field, nil unless err is Invalid.
func FieldsOf(err error) map[string]string {
	if e, ok := errors.AsType[*Error](err); ok && e.Kind == Invalid {
		return e.Fields
	}
	return nil
}
