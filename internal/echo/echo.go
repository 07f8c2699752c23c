// Package echo recognises a credential in what a service says: a service, or a gateway before it, may quote what it was sent, whole
// or in part, in a sentence, a code or a host name.
package echo

import "strings"

// shortestPart is how many characters of a secret, one after the other, count as a part of it.
const shortestPart = 8

// Repeats tells whether a text has a part of a secret in it, in whatever case.
func Repeats(text string, secrets ...string) bool {
	text = strings.ToLower(text)
	for _, secret := range secrets {
		secret = strings.ToLower(secret)
		if secret != "" && strings.Contains(text, secret) {
			return true
		}
		for i := 0; i+shortestPart <= len(text); i++ {
			if strings.Contains(secret, text[i:i+shortestPart]) {
				return true
			}
		}
	}
	return false
}
