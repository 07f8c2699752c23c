package cli

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/payload"
)

// UpgradeView is the result of upgrade-check, as -o json prints it.
type UpgradeView struct {
	Requests []UpgradeRequest `json:"requests"`
	LeftOut  []LeftOutRequest `json:"leftOut"`
	// Acknowledged is the version for which the cluster was told that it may upgrade.
	Acknowledged string `json:"acknowledged,omitempty"`
}

// UpgradeRequest is a CredentialsRequest of the release, or one that it no longer has.
type UpgradeRequest struct {
	// Request and Secret are namespace/name; SecretBefore is the Secret in the cluster, if the release names another.
	Request      string      `json:"request"`
	Secret       string      `json:"secret"`
	SecretBefore string      `json:"secretBefore,omitempty"`
	Answer       plan.Answer `json:"answer"`
	// Set gives it Role.
	Set     string `json:"capCredentialSet,omitempty"`
	Role    string `json:"role,omitempty"`
	Problem string `json:"problem,omitempty"`
}

// LeftOutRequest is a request that no CAPCredentialSet needs to serve.
type LeftOutRequest struct {
	Request string `json:"request"`
	Why     string `json:"why"`
}

func upgradeView(rows []plan.Upgraded, left []payload.LeftOut) UpgradeView {
	view := UpgradeView{Requests: []UpgradeRequest{}, LeftOut: []LeftOutRequest{}}
	for _, r := range rows {
		row := UpgradeRequest{Request: r.Request, Secret: r.Secret.String(), Answer: r.Answer, Set: r.Set, Role: r.Role, Problem: r.Problem}
		if r.Before != r.Secret && r.Before != (types.NamespacedName{}) {
			row.SecretBefore = r.Before.String()
		}
		view.Requests = append(view.Requests, row)
	}
	for _, l := range left {
		view.LeftOut = append(view.LeftOut, LeftOutRequest{payload.Shown(l.Namespace + "/" + l.Name), l.Why})
	}
	return view
}

// missing counts the requests whose component would have no credentials.
func (v UpgradeView) missing() int {
	n := 0
	for _, r := range v.Requests {
		if r.Answer.NeedsPerson() {
			n++
		}
	}
	return n
}

// upgradeText prints the result for people, first what they must do.
func upgradeText(view UpgradeView) string {
	p := &printer{}
	var rows, problems [][]string
	for _, needsPerson := range []bool{true, false} {
		for _, r := range view.Requests {
			if r.Answer.NeedsPerson() != needsPerson {
				continue
			}
			_, name, _ := strings.Cut(r.Request, "/")
			rows = append(rows, []string{string(r.Answer), name, r.Secret, r.Role, r.Set})
			note := r.Problem
			if r.SecretBefore != "" {
				note = strings.TrimSpace(fmt.Sprintf("Its Secret is %s before the upgrade. %s", r.SecretBefore, note))
			}
			problems = append(problems, []string{name, note})
		}
	}
	fmt.Fprintln(&p.out, wrap(upgradeSummary(view), ""))
	p.table([]string{"ANSWER", "CREDENTIALSREQUEST", "SECRET", "ROLE", "CAPCREDENTIALSET"}, rows)
	p.gap()
	p.notes(problems)
	for _, l := range view.LeftOut {
		_, name, _ := strings.Cut(l.Request, "/")
		p.notes([][]string{{name, "Left out: " + l.Why + "."}})
	}
	return strings.TrimRight(p.out.String(), "\n") + "\n"
}

func upgradeSummary(view UpgradeView) string {
	count := map[plan.Answer]int{}
	for _, r := range view.Requests {
		count[r.Answer]++
	}
	of := len(view.Requests) - count[plan.AnswerGone]
	words := fmt.Sprintf("The release has %d AWS CredentialsRequests to serve. ", of)
	if n := view.missing(); n > 0 {
		return words + fmt.Sprintf("Without credentials after the upgrade: %d.", n)
	}
	words += "Each has a role. "
	if n := count[plan.AnswerNewCovered] + count[plan.AnswerSecretChanged]; n > 0 {
		words += fmt.Sprintf("%d new Secrets will be created when their namespaces exist. ", n)
	}
	if view.Acknowledged != "" {
		return words + "The cluster may now upgrade to " + view.Acknowledged + "."
	}
	return words + "Add --acknowledge VERSION to tell the cluster that it may upgrade."
}
