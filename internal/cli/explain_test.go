package cli

import (
	"strings"
	"testing"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/docs"
)

func TestExplain_PrintsTheSectionOfAReasonWhateverItsCase(t *testing.T) {
	for _, name := range []string{v1alpha1.ReasonAuthenticationRefused, "authenticationrefused"} {
		out, err := run(t, newExplainCommand(), name)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, out, "AuthenticationRefused (CAPCredentialSet: bad answers)", "an HTML page", "\nImpact\n  ", "\nWhat to do\n  ", "registered and active")
		if strings.ContainsAny(out, "`*") {
			t.Errorf("Markdown is left in it:\n%s", out)
		}
	}
}

func TestExplain_ListsEveryReasonOfThePage(t *testing.T) {
	out, err := run(t, newExplainCommand())
	if err != nil {
		t.Fatal(err)
	}
	all := explanations(docs.Reasons)
	if want := strings.Count(docs.Reasons, "\n### `"); len(all) != want || want < 90 {
		t.Fatalf("%d reasons were read, the page has %d", len(all), want)
	}
	for _, e := range all {
		if !strings.Contains(out, "\n  "+e.reason+" ") {
			t.Errorf("the list lacks %s", e.reason)
		}
		if e.chapter == "" || e.meaning == "" || e.impact == "" || e.action == "" {
			t.Errorf("the section of %s is not read whole: %+v", e.reason, e)
		}
		if section, err := run(t, newExplainCommand(), e.reason); err != nil || !strings.HasPrefix(section, e.reason+" ("+e.chapter+")\n") {
			t.Errorf("explain %s says %v:\n%s", e.reason, err, section)
		}
		if strings.Count("\n\n"+out, "\n\n"+e.chapter+"\n") != 1 {
			t.Errorf("the list does not begin the chapter %q once, after an empty line", e.chapter)
		}
	}
	for i, line := range strings.Split(out, "\n") {
		if len([]rune(line)) > textWidth {
			t.Errorf("line %d has %d characters: %s", i+1, len([]rune(line)), line)
		}
	}
}

func TestExplain_NamesWhatIsSimilarToAReasonThatDoesNotExist(t *testing.T) {
	_, err := run(t, newExplainCommand(), "stsun")
	if err == nil || !strings.Contains(err.Error(), "similar: STSUnavailable") {
		t.Errorf("it says: %v", err)
	}
	if _, err = run(t, newExplainCommand(), "Nonsense"); err == nil || strings.Contains(err.Error(), "similar") {
		t.Errorf("it says: %v", err)
	}
}

func TestExplain_CompletesReasons(t *testing.T) {
	names, _ := newExplainCommand().ValidArgsFunction(nil, nil, "")
	if len(names) < 90 || names[0] != v1alpha1.ReasonSuspended {
		t.Errorf("it completes %d names, the first %q", len(names), names[:min(len(names), 1)])
	}
}
