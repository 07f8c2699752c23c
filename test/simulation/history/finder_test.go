package history

import (
	"strings"
	"testing"
)

func TestFinder_FindsWhatStringsContainsDoes(t *testing.T) {
	secrets := []string{"abc", "SECRET-SECRET", "SECRET-OTHER", "ends-here-now", "12345678"}
	f := newFinder()
	f.add(secrets[:2]...)
	f.add(secrets[2:]...)
	for _, text := range []string{
		"", "a", "ab", "abc", "xxabcxx", "SECRET-", "SECRET-SECRE", "SECRET-SECRET", "x SECRET-OTHER", "all of it ends-here-now", "1234567", "12345678", "SECRET-SECRETS",
		"SECRET-XTHER 1234567", strings.Repeat("long ", 1000) + "12345678",
	} {
		want := false
		for _, s := range secrets {
			want = want || strings.Contains(text, s)
		}
		if got := f.in(text); got != want {
			t.Errorf("in %q: %v, want %v", text, got, want)
		}
	}
}
