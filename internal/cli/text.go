package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// printer writes the tables of one status.
type printer struct {
	out  strings.Builder
	now  time.Time
	wide bool
}

// text prints the status for people.
func text(v View, now time.Time, wide bool) string {
	p := &printer{now: now, wide: wide}
	for i := range v.PullSecretRotations {
		p.gap()
		p.rotation(&v.PullSecretRotations[i])
	}
	for i := range v.CAPCredentialSets {
		p.gap()
		p.set(&v.CAPCredentialSets[i])
	}
	if p.out.Len() == 0 {
		return "There are no PullSecretRotations and no CAPCredentialSets.\n"
	}
	return p.out.String()
}

func (p *printer) gap() {
	if p.out.Len() > 0 {
		p.out.WriteByte('\n')
	}
}

// table aligns rows of cells below their headings, after an empty line. Empty cells show as a dash; without rows there is no table.
func (p *printer) table(headings []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	p.gap()
	w := tabwriter.NewWriter(&p.out, 0, 0, 3, ' ', 0)
	for _, row := range append([][]string{headings}, rows...) {
		for i := range row {
			if row[i] = printable(row[i]); row[i] == "" {
				row[i] = "-"
			}
		}
		_, _ = fmt.Fprintln(w, "  "+strings.Join(row, "\t")) // writing to memory does not fail
	}
	_ = w.Flush()
}

// head prints an object's facts as labelled and wrapped paragraphs.
func (p *printer) head(kind string, s *State, facts ...[]string) {
	fmt.Fprintf(&p.out, "%s %s\n", kind, s.Name)
	rows := [][]string{{"Ready", fmt.Sprintf("%s (%s)", s.Ready, s.Reason)}}
	rows = append(rows, facts...)
	for _, w := range s.Warnings {
		rows = append(rows, []string{"Warning", w})
	}
	if s.Outdated {
		rows = append(rows, []string{"Note", "The operator has not seen the latest change of the spec. This status belongs to an earlier one."})
	}
	p.paragraphs(rows)
}

// paragraphs prints a label and a wrapped text for each row that has a text.
func (p *printer) paragraphs(rows [][]string) {
	widest := 0
	for _, row := range rows {
		if row[1] != "" {
			widest = max(widest, len([]rune(row[0])))
		}
	}
	for _, row := range rows {
		if row[1] != "" {
			fmt.Fprintln(&p.out, wrapHanging(printable(row[1]), fmt.Sprintf("  %-*s   ", widest, row[0]), widest+5))
		}
	}
}

func (p *printer) rotation(v *RotationView) {
	account := ""
	if v.Account != nil {
		account = accountName(v.Account.Username, v.Account.ID)
		if v.Siblings != nil && v.Siblings.Clusters != nil {
			account += fmt.Sprintf("; active clusters: %d", *v.Siblings.Clusters)
		}
	}
	p.head("PullSecretRotation", &v.State, []string{"Mode", string(v.Mode)}, []string{"Phase", v.Phase}, p.says(v),
		[]string{"Account", account}, []string{"Clusters", p.switched(v.Siblings)}, []string{"Pull secret", p.when(v.SecretIssuedAt)}, []string{"Next", p.when(v.Next)})

	p.targets(v)
	p.registries(v)
	p.siblings(v.Siblings)
	p.history(v)
}

// says is what the object waits for, or what somebody must do, or else its message.
func (p *printer) says(v *RotationView) []string {
	label, text, since := "Says", v.Message, ""
	if v.Waiting != nil {
		label, text = "Waiting for", v.Waiting.For
		since = fmt.Sprintf(" (%s %s)", v.Waiting.What, relative(v.Waiting.Since, p.now))
		if v.Waiting.What == "" {
			since = fmt.Sprintf(" (for %s)", span(p.now.Sub(v.Waiting.Since)))
		}
	}
	if v.Stalled {
		label = "Needs you"
	}
	return []string{label, text + since}
}

// notes prints remarks on the rows of a table below it: a name and a wrapped text for each row that has a text.
func (p *printer) notes(rows [][]string) {
	for _, row := range rows {
		if row[1] != "" {
			fmt.Fprintln(&p.out, wrapHanging(printable(row[1]), "  "+printable(row[0])+": ", 4))
		}
	}
}

func (p *printer) targets(v *RotationView) {
	var rows, messages [][]string
	for _, t := range v.Targets {
		rows = append(rows, []string{t.Namespace + "/" + t.Name, t.Result, p.ago(t.AppliedAt), p.entries(&t)})
		if p.wide {
			messages = append(messages, []string{t.Namespace + "/" + t.Name, t.Message})
		}
	}
	p.table([]string{"TARGET", "RESULT", "WRITTEN", "ENTRIES"}, rows)
	p.notes(messages)
}

func (p *printer) registries(v *RotationView) {
	var rows, messages [][]string
	for _, r := range v.Registries {
		rows = append(rows, []string{r.Registry, r.Result, p.ago(r.CheckedAt)})
		if p.wide || r.Result != "Accepted" {
			messages = append(messages, []string{r.Registry, r.Message})
		}
	}
	p.table([]string{"REGISTRY", "RESULT", "SINCE"}, rows)
	p.notes(messages)
}

func (p *printer) history(v *RotationView) {
	headings := []string{"ROTATION", "BY", "REASON", "REQUESTED", "APPLIED", "OLD DELETED"}
	if p.wide {
		headings = []string{"ROTATION", "BY", "REASON", "REQUESTED", "ISSUED", "VERIFIED", "APPLIED", "ROLLED OUT", "ROLLED BACK", "OLD DELETED"}
	}
	var rows [][]string
	for _, r := range v.History {
		times := []*metav1.Time{r.RequestedAt, r.AppliedAt, r.RevokedAt}
		if p.wide {
			times = []*metav1.Time{r.RequestedAt, r.IssuedAt, r.VerifiedAt, r.AppliedAt, r.RolledOutAt, r.RolledBackAt, r.RevokedAt}
		}
		row := []string{r.ID, r.Actor, string(r.Reason)}
		for _, t := range times {
			row = append(row, p.ago(t))
		}
		rows = append(rows, row)
	}
	p.table(headings, rows)
}

// entries counts the entries by their outcome, or names each; a status lists no more than 64.
func (p *printer) entries(t *v1alpha1.TargetStatus) string {
	var order []string
	by := map[string][]string{}
	for _, e := range t.Entries {
		if by[e.Action] == nil {
			order = append(order, e.Action)
		}
		by[e.Action] = append(by[e.Action], e.Registry)
	}
	for i, action := range order {
		if p.wide {
			order[i] = action + ": " + strings.Join(by[action], " ")
		} else {
			order[i] = fmt.Sprintf("%d %s", len(by[action]), action)
		}
	}
	if t.EntriesNotListed > 0 {
		order = append(order, fmt.Sprintf("%d more", t.EntriesNotListed))
	}
	return strings.Join(order, ", ")
}

func (p *printer) set(v *SetView) {
	certificate := ""
	if c := v.ClientCertificate; c != nil && c.NotAfter != nil {
		certificate = fmt.Sprintf("%s, expires %s", c.Subject, p.when(c.NotAfter))
	}
	left := ""
	if v.NotServed > 0 {
		left = fmt.Sprintf("%d CredentialsRequests that use STS tokens", v.NotServed)
	}
	label := "Says"
	if v.Stalled {
		label = "Needs you"
	}
	p.head("CAPCredentialSet", &v.State, []string{label, v.Message}, []string{"Fresh", v.Credentials}, []string{"First to expire", p.when(v.EarliestExpiry)},
		[]string{"Next refresh", p.when(v.NextRefresh)}, []string{"Client certificate", certificate}, []string{"Left alone", left})
	var rows, messages [][]string
	for _, t := range v.Targets {
		rows = append(rows, []string{t.Namespace + "/" + t.Name, t.Role, t.Result, p.ago(t.ExpiresAt), p.ago(t.RefreshedAt), p.ago(t.NextRefresh)})
		if p.wide || t.Result != v1alpha1.ReasonFresh {
			messages = append(messages, []string{t.Namespace + "/" + t.Name, t.Message})
		}
	}
	if v.TargetsNotListed > 0 {
		rows = append(rows, []string{fmt.Sprintf("and %d more", v.TargetsNotListed)})
	}
	p.table([]string{"SECRET", "ROLE", "RESULT", "EXPIRES", "REFRESHED", "NEXT"}, rows)
	p.notes(messages)
}

// ago is a time relative to now; with -o wide also the time itself.
func (p *printer) ago(t *metav1.Time) string {
	if t == nil {
		return ""
	}
	if p.wide {
		return p.when(t)
	}
	return relative(t.Time, p.now)
}

// when is a time with its distance from now.
func (p *printer) when(t *metav1.Time) string {
	if t == nil {
		return ""
	}
	return fmt.Sprintf("%s (%s)", t.UTC().Format("2006-01-02 15:04 UTC"), relative(t.Time, p.now))
}
