package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// pullSecret is a document with an account's entry and another one.
func pullSecret(account, mirror string) string {
	return fmt.Sprintf("{\n \"auths\": {\"quay.io\": {\"auth\": %q},\n  \"mirror.example.com\": {\"auth\": %q}}\n}\n", account, mirror)
}

// The demo proves with compare that nothing else changed, so compare must notice each other change.
func TestCompare_NoticesEveryChangeBesidesReplacedAuths(t *testing.T) {
	const dying, fresh, mirror = "b2xkOm9sZA==", "bmV3Om5ldw==", "bTptaXJyb3I="
	before := pullSecret(dying, mirror)
	for _, c := range []struct {
		name, after string
		// changed are the entries whose auth differs; other is whether anything else does.
		changed []string
		other   bool
	}{
		{"nothing changed", before, nil, false},
		{"the account's auth changed", pullSecret(fresh, mirror), []string{"quay.io"}, false},
		{"a space was lost", strings.Replace(pullSecret(fresh, mirror), ": {", ":{", 1), []string{"quay.io"}, true},
		{"a field was added", strings.Replace(pullSecret(fresh, mirror), "}}", "},\"x\":{}}", 1), []string{"quay.io"}, true},
		{"the mirror was lost", strings.Replace(pullSecret(fresh, mirror), `"mirror.example.com"`, `"other.example.com"`, 1), []string{"quay.io", "mirror.example.com"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := compare([]byte(before), []byte(c.after))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Changed, c.changed) || got.Else != c.other {
				t.Errorf("compare says %q changed, and something else: %t; want %q and %t", got.Changed, got.Else, c.changed, c.other)
			}
		})
	}
}

func TestWrap_BreaksAtWordsAndKeepsThemAll(t *testing.T) {
	const text = "a text of several words, one of which-is-longer-than-the-line"
	wrapped := wrap(text, 20, "  ", "    ")
	for line := range strings.Lines(wrapped) {
		if len(strings.TrimRight(line, "\n")) > 20 && len(strings.Fields(line)) > 1 {
			t.Errorf("the line %q is longer than 20", line)
		}
	}
	if got := strings.Join(strings.Fields(wrapped), " "); got != text {
		t.Errorf("the words are %q, want %q", got, text)
	}
	if first, _, _ := strings.Cut(wrapped, "\n"); !strings.HasPrefix(first, "  a text") {
		t.Errorf("the first line is %q", first)
	}
}
