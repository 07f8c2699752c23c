package cli

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// reportText is the report for people. Its times are exact, and none depends on when it was taken.
func reportText(report Report) string {
	p := &printer{now: report.TakenAt}
	fmt.Fprintf(&p.out, "Record of rotations, taken %s\n", exactly(report.TakenAt))
	if len(report.Rotations) == 0 {
		p.out.WriteString("\nNo PullSecretRotation knows of a rotation.\n")
	}
	for i := range report.Rotations {
		p.gap()
		p.reported(&report.Rotations[i])
	}
	return p.out.String()
}

func (p *printer) reported(r *ReportedRotation) {
	fmt.Fprintf(&p.out, "Rotation %s: %s\n", printable(cmp.Or(r.ID, withoutID(r))), r.Outcome)
	p.paragraphs([][]string{
		{"Cluster", r.ClusterID}, {"Object", "PullSecretRotation " + r.Object}, {"Account", accountName(r.Username, r.AccountID)}, {"Requested by", r.Actor},
		{"Reason", reasonOf(r)}, {"Machine pools", strings.Join(r.Pools, ", ")}, {"Machines", machinesOf(r)},
	})
	var taken, secrets [][]string
	for _, s := range r.Steps {
		taken = append(taken, []string{exactly(s.At.Time), s.Step, wordsOf(s.Step)})
	}
	for _, s := range r.Secrets {
		secrets = append(secrets, []string{s.Secret, written(s)})
	}
	p.table([]string{"TIME", "STEP", "WHAT HAPPENED"}, taken)
	p.lagging(r.Machines)
	p.pulls(r.Pulls)
	p.answers("NEW CREDENTIAL", r.Registries)
	p.answers("OLD CREDENTIAL", r.Replaced)
	p.table([]string{"SECRET", "WRITTEN"}, secrets)
}

// withoutID is the name of a rotation without an id. Of one that somebody else has requested, OCM lists none any more.
func withoutID(r *ReportedRotation) string {
	if r.Actor == somebodyElse {
		return "not listed by OCM"
	}
	return "not requested yet"
}

// accountName is the name by which people know an account, and the id. OCM may not tell the name.
func accountName(username, id string) string {
	if username == "" {
		return id
	}
	return fmt.Sprintf("%s (%s)", username, id)
}

// machinesOf counts the machines with the new file.
func machinesOf(r *ReportedRotation) string {
	if r.Machines == nil {
		return ""
	}
	return fmt.Sprintf("%d of %d had the new file", r.Machines.Updated, r.Machines.Total)
}

// lagging lists the machines that did not have the new file.
func (p *printer) lagging(m *v1alpha1.MachinesStatus) {
	if m == nil {
		return
	}
	var rows [][]string
	for _, l := range m.Lagging {
		rows = append(rows, []string{l.Name, l.Pool, l.Condition, l.Reason})
	}
	p.table([]string{"LATE MACHINE", "POOL", "CONDITION", "REASON"}, rows)
}

// pulls lists what machines answered that were to pull an image.
func (p *printer) pulls(pulls []ReportedPull) {
	var rows [][]string
	for _, l := range pulls {
		rows = append(rows, []string{l.Machine, l.Pool, answered(l), exactTime(l.At), l.Image})
	}
	p.table([]string{"MACHINE", "POOL", "PULL", "AT", "IMAGE"}, rows)
}

func answered(l ReportedPull) string {
	return cmp.Or(string(l.Result), "NotAsked")
}

func (p *printer) answers(about string, answers []v1alpha1.RegistryAnswer) {
	var rows [][]string
	for _, a := range answers {
		rows = append(rows, []string{a.Registry, a.Result, exactTime(a.At)})
	}
	p.table([]string{"REGISTRY", about, "SINCE"}, rows)
}

func reasonOf(r *ReportedRotation) string {
	if r.Due == nil {
		return string(r.Reason)
	}
	return fmt.Sprintf("%s (due %s)", r.Reason, exactTime(r.Due))
}

func written(s ReportedSecret) string {
	if s.WrittenAt == nil {
		return "by somebody else"
	}
	return exactTime(s.WrittenAt)
}

func wordsOf(name string) string {
	for _, s := range steps {
		if s.name == name {
			return s.words
		}
	}
	return "the object's current approval was written (the API server's audit log says by whom)"
}

// exactly is a time for a record: to the second, in UTC.
func exactly(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func exactTime(t *metav1.Time) string {
	if t == nil {
		return ""
	}
	return exactly(t.Time)
}

// reportCSV prints a row for each rotation. A list is one cell, its items separated by "; ".
func reportCSV(out io.Writer, report Report) error {
	header := []string{"cluster_id", "pull_secret_rotation", "account_id", "account", "rotation", "requested_by", "reason", "outcome", "due_at", "approved_at"}
	for _, s := range steps {
		header = append(header, s.column)
	}
	w := csv.NewWriter(out)
	if err := w.Write(append(header, "registries", "old_credentials", "machine_pools", "machines", "machines_updated", "late_machines", "pulls", "secrets")); err != nil {
		return err
	}
	for i := range report.Rotations {
		row := csvRow(&report.Rotations[i])
		for j := range row {
			row[j] = inert(row[j])
		}
		if err := w.Write(row); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

func csvRow(r *ReportedRotation) []string {
	at := map[string]string{}
	for _, s := range r.Steps {
		at[s.Step] = exactly(s.At.Time)
	}
	row := []string{r.ClusterID, r.Object, r.AccountID, r.Username, r.ID, r.Actor, string(r.Reason), string(r.Outcome), exactTime(r.Due), at[stepApproved]}
	for _, s := range steps {
		row = append(row, at[s.name])
	}
	secrets := make([]string, 0, len(r.Secrets))
	for _, s := range r.Secrets {
		secrets = append(secrets, s.Secret+" "+written(s))
	}
	row = append(row, answersCell(r.Registries), answersCell(r.Replaced), strings.Join(r.Pools, "; "))
	return append(append(row, machinesCells(r.Machines)...), pullsCell(r.Pulls), strings.Join(secrets, "; "))
}

// machinesCells are the counts and the names; empty where nobody counted.
func machinesCells(m *v1alpha1.MachinesStatus) []string {
	if m == nil {
		return []string{"", "", ""}
	}
	names := make([]string, 0, len(m.Lagging))
	for _, l := range m.Lagging {
		names = append(names, strings.Join(strings.Fields(l.Name+" "+l.Condition+" "+l.Reason), " "))
	}
	return []string{fmt.Sprint(m.Total), fmt.Sprint(m.Updated), strings.Join(names, "; ")}
}

func pullsCell(pulls []ReportedPull) string {
	list := make([]string, 0, len(pulls))
	for _, l := range pulls {
		list = append(list, l.Pool+": "+strings.Join(strings.Fields(l.Machine+" "+answered(l)+" "+exactTime(l.At)), " "))
	}
	return strings.Join(list, "; ")
}

func answersCell(answers []v1alpha1.RegistryAnswer) string {
	list := make([]string, 0, len(answers))
	for _, a := range answers {
		list = append(list, strings.TrimSpace(a.Registry+" "+a.Result+" "+exactTime(a.At)))
	}
	return strings.Join(list, "; ")
}

// inert keeps a spreadsheet from reading a name, which OCM's users choose, as a formula, and a terminal from obeying it.
func inert(cell string) string {
	cell = strings.TrimSpace(printable(cell))
	if strings.IndexAny(cell, "=+-@＝＋－＠") == 0 {
		return "'" + cell
	}
	return cell
}
