package gather

import (
	"strings"
	"testing"
)

// FuzzRedact: whatever is around it, what has the form of a credential is taken away, and a second time nothing more.
func FuzzRedact(f *testing.F) {
	const secret = "k8Qz4TnV7xW1mB6yR3pL9dJ2fH5sG0cA"
	for _, around := range [][2]string{{"a ", " b"}, {"{", "}"}, {"\\\"", "\\\""}, {"\n", "\r\n"}, {"https://x/", "@"}, {"-----BEGIN PRIVATE KEY-----", ""}} {
		f.Add(around[0], around[1])
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		for _, form := range []string{`"auth":"` + secret + `"`, " password: " + secret + " ", "\nAuthorization: Bearer " + secret + "\n", " AKIAIOSFODNN7EXAMPLE ", " https://u:" + secret + "@proxy "} {
			got := redact(before + form + after)
			if strings.Contains(got, secret) && !strings.Contains(before+after, secret) || strings.Contains(got, "AKIAIOSFODNN7EXAMPLE") && !strings.Contains(before+after, "AKIA") {
				t.Fatalf("%q shows a credential: %q", before+form+after, got)
			}
		}
	})
}
