package harness

import (
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

func TestNotExcerpt_ReportsEachDifference(t *testing.T) {
	const live = `
account: {id: 3MRFtvIHtNaO5lhP5aoqjOuXztJ, username: user-1}
message: Asked at 2026-11-22 00:01 UTC for rotation 3MRFtvIHtNfvvkkdpSlc9U3D0N0 of user-1.
count: 2
targets:
- {name: a, result: Fresh, at: "2026-11-22T00:01:31Z"}
- {name: b, result: Failing}
`
	renamed := map[string]string{"user-1": "platform-team"}
	for shown, want := range map[string]string{
		`account: {id: 2KRFtvIHtNaO5lhP5aoqjOuXztJ, username: platform-team}`:                               "",
		`message: Asked at 2020-01-01 12:00 UTC for rotation 1MRFtvIHtNfvvkkdpSlc9U3D0N0 of platform-team.`: "",
		`targets: [{name: b, result: Failing}]`:                                                             "",
		`targets: [{name: a, at: "2020-01-01T00:00:00Z"}, {name: b}]`:                                       "",
		`count: 3`:                            ".count shows 3, and is 2",
		`account: {username: somebody}`:       ".account.username shows somebody, and is user-1",
		`targets: [{name: b, result: Fresh}]`: ".targets[0]",
		`targets: [{name: a}, {name: c}]`:     ".targets[1].name shows c",
		`gone: true`:                          ".gone shows true, and is <nil>",
		`gone: [{name: a}]`:                   ".gone[0] is an element that the live list does not have",
		`account: {id: not-an-id}`:            ".account.id shows not-an-id",
	} {
		var s, l map[string]any
		if err := yaml.Unmarshal([]byte(shown), &s); err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal([]byte(live), &l); err != nil {
			t.Fatal(err)
		}
		got := strings.Join(NotExcerpt(s, l, renamed), "; ")
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", shown, got, want)
		}
	}
}
