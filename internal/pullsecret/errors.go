package pullsecret

import "fmt"

// Problem is what is wrong with a document. It is a constant, so that a caller may put it into a condition or a metric.
type Problem string

const (
	// TooLarge: the document is larger than MaxSize.
	TooLarge Problem = "TooLarge"
	// NotJSON: the document is not one JSON value.
	NotJSON Problem = "NotJSON"
	// NotAnObject: the document, `auths` or an entry of it is something else than an object.
	NotAnObject Problem = "NotAnObject"
	// NoAuths: `auths` is missing or empty.
	NoAuths Problem = "NoAuths"
	// DuplicateKey: a key appears twice in one object. Readers disagree about which one counts, so nobody could say what
	// a change of either would do.
	DuplicateKey Problem = "DuplicateKey"
	// TooManyEntries: an object of the document has more than MaxEntries members.
	TooManyEntries Problem = "TooManyEntries"
	// UnusableCredential: an issued entry does not hold a user name and a password.
	UnusableCredential Problem = "UnusableCredential"
	// UnfaithfulResult: the merged document would not say what it should. Nothing must be written.
	UnfaithfulResult Problem = "UnfaithfulResult"
)

// Error says what is wrong with a document and where, without any part of its content: not even a name of a registry,
// because in a broken document a secret may stand where a name should.
type Error struct {
	Problem Problem
	// Offset in bytes from the start of the document, -1 where there is none to give.
	Offset int
	// sentence is made of constants and numbers only.
	sentence string
}

// Error is a sentence a person can act on.
func (e *Error) Error() string {
	if e.Offset < 0 {
		return e.sentence
	}
	return fmt.Sprintf("%s (at byte %d)", e.sentence, e.Offset)
}

func problem(p Problem, offset int, sentence string) *Error {
	return &Error{Problem: p, Offset: offset, sentence: sentence}
}
