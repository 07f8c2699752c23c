package cli

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// FuzzStatusRead: whatever the status of an object says, the commands show it in every output, and no cell of a table for a spreadsheet is a formula.
func FuzzStatusRead(f *testing.F) {
	f.Add(`{"metadata":{"name":"a"},"status":{"phase":"x","rotation":{"id":"2Ju1","requestedAt":"2026-11-20T00:00:00Z","answers":[{"registry":"quay.io"}]},"history":[{"id":"=1+1"}]}}`,
		`{"metadata":{"name":"s"},"status":{"targets":[{"namespace":"a","name":"b"}]}}`, int64(0))
	f.Add(`{"status":{"conditions":[{"type":"Ready","reason":"AwaitingIssue"},{"type":"Ready"}],"waitingFor":"x","account":{"username":"@x\ty"}}}`, `{"status":{"conditions":[{}]}}`, int64(1<<62))
	f.Add(`{"metadata":{"name":"\u001b[31m"},"status":{"targets":[{"message":"\r\n-"}]}}`, `{}`, int64(-1))
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, rotation, set string, at int64) {
		now := noon.Add(time.Duration(at))
		var r v1alpha1.PullSecretRotation
		var s v1alpha1.CAPCredentialSet
		if json.Unmarshal([]byte(rotation), &r) != nil || json.Unmarshal([]byte(set), &s) != nil {
			return
		}
		view := View{PullSecretRotations: []RotationView{rotationView(&r, now)}, CAPCredentialSets: []SetView{setView(&s)}}
		if got := text(view, now, true); got != text(view, now, true) || got == "" {
			t.Fatalf("the text is %q, and another at the next asking", got)
		}
		for _, output := range []string{"json", "yaml", "csv", "text"} {
			if err := printReport(io.Discard, reportOn([]v1alpha1.PullSecretRotation{r}, now), output); err != nil && now.Year() < 9999 {
				t.Fatalf("the report as %s: %v", output, err)
			}
		}
		if now.Year() < 9999 {
			noFormula(t, reportOn([]v1alpha1.PullSecretRotation{r}, now))
		}
	})
}

// noFormula reads the table as a spreadsheet does.
func noFormula(t *testing.T, report Report) {
	t.Helper()
	var out strings.Builder
	if err := reportCSV(&out, report); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
	if err != nil || len(rows) != 1+len(report.Rotations) {
		t.Fatalf("%d rotations make %d rows, %v", len(report.Rotations), len(rows), err)
	}
	for _, row := range rows {
		for _, cell := range row {
			if strings.IndexAny(cell, "=+-@＝＋－＠") == 0 || cell != strings.TrimSpace(printable(cell)) {
				t.Fatalf("a spreadsheet would run the cell %q, or a terminal obey it", cell)
			}
		}
	}
}
