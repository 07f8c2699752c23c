package pullsecret

import "fmt"

// Problem is what is wrong with a document. It is a constant, which callers may put into a condition or a metric.
type Problem string

const (
	// TooLarge: the document is larger than MaxSize.
	TooLarge Problem = "TooLarge"
	// NotJSON: the document is not one JSON value.
	NotJSON Problem = "NotJSON"
	// NotAnObject: the document, `auths` or one of its entries is not an object.
	NotAnObject Problem = "NotAnObject"
	// NoAuths: `auths` is missing or empty.
	NoAuths Problem = "NoAuths"
	// DuplicateKey: a key appears twice in one object. Readers disagree about which one counts, so the effect of changing either is unknown.
	DuplicateKey Problem = "DuplicateKey"
	// TooManyEntries: an object of the document has more than MaxEntries members.
	TooManyEntries Problem = "TooManyEntries"
	// UnusableCredential: an issued entry does not hold a user name and a password.
	UnusableCredential Problem = "UnusableCredential"
	// UnfaithfulResult: the merged document would not have the intended content. It must not be written.
	UnfaithfulResult Problem = "UnfaithfulResult"
)

// Error says what is wrong with a document and where, without any part of its content. It does not even name a registry, because a broken
// document may have a secret in place of a name.
type Error struct {
	Problem Problem
	// Offset in bytes from the start of the document, or -1 if unknown.
	Offset int
	// sentence consists of constants and numbers only.
	sentence string
}

// Error is a sentence that tells a person what to fix.
func (e *Error) Error() string {
	if e.Offset < 0 {
		return e.sentence
	}
	return fmt.Sprintf("%s (at byte %d)", e.sentence, e.Offset)
}

func problem(p Problem, offset int, sentence string) *Error {
	return &Error{Problem: p, Offset: offset, sentence: sentence}
}
