// Package echo recognises a credential in the answer of a service: a service, or a gateway in front of it, may quote what it was sent, whole or
// in part, in a sentence, a code or a host name.
package echo

import "strings"

// shortestPart is how many consecutive characters of a secret count as a part of it.
const shortestPart = 8

// Repeats is true if a text contains a part of a secret, in any case.
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
