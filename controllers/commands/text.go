package commands

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

// text is the status for people.
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

// table aligns rows of cells; empty cells show as a dash.
func (p *printer) table(rows ...[]string) {
	w := tabwriter.NewWriter(&p.out, 0, 0, 3, ' ', 0)
	for _, row := range rows {
		for i := range row {
			if row[i] == "" {
				row[i] = "-"
			}
		}
		_, _ = fmt.Fprintln(w, "  "+strings.Join(row, "\t")) // into memory: it does not fail
	}
	_ = w.Flush()
}

func (p *printer) head(kind string, s *State, facts ...[]string) {
	fmt.Fprintf(&p.out, "%s %s\n", kind, s.Name)
	rows := [][]string{{"Ready", fmt.Sprintf("%s (%s)", s.Ready, s.Reason)}}
	for _, f := range facts {
		if f[1] != "" {
			rows = append(rows, f)
		}
	}
	for _, w := range s.Warnings {
		rows = append(rows, []string{"Warning", w})
	}
	if s.Outdated {
		rows = append(rows, []string{"Note", "the operator has not seen the latest change of the spec; what stands here is of an earlier one"})
	}
	p.table(rows...)
}

func (p *printer) rotation(v *RotationView) {
	account := ""
	if v.Account != nil {
		account = fmt.Sprintf("%s (%s)", v.Account.Username, v.Account.ID)
		if v.Siblings != nil {
			account += fmt.Sprintf("; other active clusters: %d", *v.Siblings)
		}
	}
	says, waiting := v.Message, ""
	if v.Waiting != nil {
		says, waiting = "", fmt.Sprintf("%s (%s %s)", v.Waiting.For, v.Waiting.What, relative(v.Waiting.Since, p.now))
	}
	p.head("PullSecretRotation", &v.State, []string{"Mode", string(v.Mode)}, []string{"Phase", v.Phase}, []string{"Waiting for", waiting}, []string{"Says", says},
		[]string{"Account", account}, []string{"Pull secret", p.when(v.SecretIssuedAt)}, []string{"Next", p.when(v.Next)})

	if len(v.Targets) > 0 {
		p.gap()
		rows := [][]string{{"TARGET", "RESULT", "WRITTEN", "ENTRIES"}}
		for _, t := range v.Targets {
			rows = append(rows, []string{t.Namespace + "/" + t.Name, t.Result, p.ago(t.AppliedAt), p.entries(t.Entries)})
			if p.wide && t.Message != "" {
				rows = append(rows, []string{"", t.Message})
			}
		}
		p.table(rows...)
	}
	if len(v.Registries) > 0 {
		p.gap()
		rows := [][]string{{"REGISTRY", "RESULT", "SINCE"}}
		for _, r := range v.Registries {
			row := []string{r.Registry, r.Result, p.ago(r.CheckedAt)}
			if p.wide || r.Result != "Accepted" {
				row = append(row, r.Message)
			}
			rows = append(rows, row)
		}
		p.table(rows...)
	}
	if len(v.History) > 0 {
		p.gap()
		rows := [][]string{{"ROTATION", "BY", "REASON", "REQUESTED", "APPLIED", "ENDED"}}
		if p.wide {
			rows = [][]string{{"ROTATION", "BY", "REASON", "REQUESTED", "ISSUED", "VERIFIED", "APPLIED", "ROLLED OUT", "ROLLED BACK", "ENDED"}}
		}
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
		p.table(rows...)
	}
}

// entries counts what became of them, or names each.
func (p *printer) entries(list []v1alpha1.EntryStatus) string {
	var order []string
	by := map[string][]string{}
	for _, e := range list {
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
	p.head("CAPCredentialSet", &v.State, []string{"Says", v.Message}, []string{"Fresh", v.Credentials}, []string{"First to expire", p.when(v.EarliestExpiry)},
		[]string{"Next refresh", p.when(v.NextRefresh)}, []string{"Client certificate", certificate}, []string{"Left alone", left})
	if len(v.Targets) == 0 {
		return
	}
	p.gap()
	rows := [][]string{{"SECRET", "ROLE", "RESULT", "EXPIRES", "REFRESHED", "NEXT"}}
	for _, t := range v.Targets {
		row := []string{t.Namespace + "/" + t.Name, t.Role, t.Result, p.ago(t.ExpiresAt), p.ago(t.RefreshedAt), p.ago(t.NextRefresh)}
		if p.wide || t.Result != v1alpha1.ReasonFresh {
			row = append(row, t.Message)
		}
		rows = append(rows, row)
	}
	if v.TargetsNotListed > 0 {
		rows = append(rows, []string{fmt.Sprintf("and %d more", v.TargetsNotListed)})
	}
	p.table(rows...)
}

// ago is a time relative to now; with -o wide the time itself too.
func (p *printer) ago(t *metav1.Time) string {
	if t == nil {
		return ""
	}
	if p.wide {
		return p.when(t)
	}
	return relative(t.Time, p.now)
}

// when is a time and how far it is from now.
func (p *printer) when(t *metav1.Time) string {
	if t == nil {
		return ""
	}
	return fmt.Sprintf("%s (%s)", t.UTC().Format("2006-01-02 15:04 UTC"), relative(t.Time, p.now))
}
