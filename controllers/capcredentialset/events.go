package capcredentialset

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
)

// Actions of events.
const (
	actionRefresh = "Refresh"
	actionHeal    = "Heal"
	actionRestart = "Restart"
	actionJudge   = "Judge"
)

// teller sends the events of one round: one for each action and reason, so that a refresh of a hundred roles is one event.
type teller struct {
	send func(related runtime.Object, kind, reason, action, words string)
	told map[string]bool
}

// tell sends an event, unless the round has sent one of the reason. Each is about the set and related to a Secret or a workload: events
// that are alike in reason, action and both objects are counted as one, whose words are those of the first.
func (t *teller) tell(related runtime.Object, kind, reason, action, words string) {
	if !t.told[action+"/"+reason] {
		t.told[action+"/"+reason] = true
		t.send(related, kind, reason, action, note(words))
	}
}

// tell makes the events of what was done, and of the troubles that are new since the status that was there before. A process that
// starts finds that status and does not repeat what it says.
func (r *reconciler) tell(s *scope, before *v1alpha1.CAPCredentialSet) {
	t := &teller{told: map[string]bool{}, send: func(related runtime.Object, kind, reason, action, words string) {
		r.recorder.Eventf(s.set, related, kind, reason, action, "%s", words)
	}}
	s.effects.tell(t)
	old := map[v1alpha1.SecretReference]string{}
	for _, row := range before.Status.Targets {
		old[v1alpha1.SecretReference{Namespace: row.Namespace, Name: row.Name}] = row.Result
	}
	for _, trouble := range s.newTroubles(old) {
		t.tell(secretObject(trouble.refs[0]), corev1.EventTypeWarning, trouble.reason, actionJudge, trouble.String())
	}
	for _, c := range toldConditions {
		was, is := meta.FindStatusCondition(before.Status.Conditions, c), meta.FindStatusCondition(s.set.Status.Conditions, c)
		if is == nil || was != nil && was.Reason == is.Reason || !worthTelling[is.Reason] {
			continue
		}
		t.tell(nil, corev1.EventTypeWarning, is.Reason, actionJudge, is.Message)
	}
}

// tell makes the events of what a round has done.
func (e *effects) tell(t *teller) {
	if len(e.healed) > 0 {
		t.tell(secretObject(e.healed[0].ref), corev1.EventTypeWarning, v1alpha1.ReasonSecretEdited, actionHeal, healedWords(e.healed))
	}
	if len(e.refreshed) > 0 {
		t.tell(secretObject(e.refreshed[0].refs[0]), corev1.EventTypeNormal, v1alpha1.ReasonRefreshed, actionRefresh, refreshedWords(e.refreshed))
	}
	if len(e.restarted) > 0 {
		t.tell(workloadObject(e.restarted[0]), corev1.EventTypeNormal, v1alpha1.ReasonWorkloadRestarted, actionRestart, restartedWords(e.restarted))
	}
}

// healedWords name the Secrets that were corrected, each with who had changed it.
func healedWords(all []healed) string {
	edits := make([]string, 0, len(all))
	for _, h := range all {
		writer := "somebody"
		if h.writer != "" {
			writer = "field manager " + quoted(h.writer)
		}
		edits = append(edits, h.ref.String()+" had been changed by "+writer)
	}
	if len(all) == 1 {
		return "Secret " + edits[0] + " and was corrected"
	}
	return fmt.Sprintf("%d Secrets were corrected: %s", len(all), listed(edits))
}

// refreshedWords say how much was refreshed, and name the first roles with their first Secrets.
func refreshedWords(all []refreshed) string {
	var secrets int
	var first time.Time
	roles := make([]string, 0, len(all))
	for _, d := range all {
		source := "CAP"
		if d.from != "" {
			source = d.from
		}
		secrets, first = secrets+len(d.refs), plan.Earlier(first, d.expires)
		roles = append(roles, fmt.Sprintf("role %s from %s written to %s", quoted(d.role), source, listed(names(d.refs))))
	}
	expires := first.UTC().Format(time.RFC3339)
	if len(all) == 1 {
		return fmt.Sprintf("Credential of %s; it expires at %s", roles[0], expires)
	}
	if more := len(roles) - shown; more > 0 {
		roles = append(roles[:shown], fmt.Sprintf("and %d more roles", more))
	}
	return fmt.Sprintf("%d credentials in %d Secrets, of which the first expires at %s: %s", len(all), secrets, expires, strings.Join(roles, "; "))
}

// restartedWords name the workloads that were restarted.
func restartedWords(all []v1alpha1.RestartTarget) string {
	workloads := make([]string, 0, len(all))
	for _, t := range all {
		workloads = append(workloads, fmt.Sprintf("%s %s/%s", t.Kind, t.Namespace, t.Name))
	}
	if len(all) == 1 {
		return workloads[0] + " restarted, so that it uses the new credentials"
	}
	return fmt.Sprintf("%d workloads restarted, so that they use the new credentials: %s", len(all), listed(workloads))
}

// toldConditions are the conditions whose new reasons may be events.
var toldConditions = []string{
	v1alpha1.ConditionReady, v1alpha1.ConditionClientCertificateValid, v1alpha1.ConditionSpecMatches, v1alpha1.ConditionSuspended,
	v1alpha1.ConditionSecondWriter, v1alpha1.ConditionClockSkewed, v1alpha1.ConditionExpiryDoubtful,
}

// maxNote is the maximum length of an event's note in bytes; the API server refuses more.
const maxNote = 1024

// note cuts a text that is too long, between two characters.
func note(words string) string {
	const dots = "…"
	if len(words) <= maxNote {
		return words
	}
	return strings.ToValidUTF8(words[:maxNote-len(dots)], "") + dots
}

func secretObject(ref types.NamespacedName) runtime.Object {
	return &corev1.Secret{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, ObjectMeta: metav1.ObjectMeta{Namespace: ref.Namespace, Name: ref.Name},
	}
}

func workloadObject(t v1alpha1.RestartTarget) runtime.Object {
	return &metav1.PartialObjectMetadata{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: string(t.Kind)},
		ObjectMeta: metav1.ObjectMeta{Namespace: t.Namespace, Name: t.Name},
	}
}

// worthTelling are the reasons of conditions that get their own events; the others show in the rows.
var worthTelling = map[string]bool{
	v1alpha1.ReasonSuspended:                true,
	v1alpha1.ReasonInvalidSpec:              true,
	v1alpha1.ReasonForbidden:                true,
	v1alpha1.ReasonNoTargets:                true,
	v1alpha1.ReasonSpecUnmatched:            true,
	v1alpha1.ReasonCredentialsModeNotManual: true,
	v1alpha1.ReasonRestartFailed:            true,
	v1alpha1.ReasonLegacyCronJob:            true,
	v1alpha1.ReasonRegularWriter:            true,
	v1alpha1.ReasonClockSkew:                true,
	v1alpha1.ReasonExpiryUnreadable:         true,
	v1alpha1.ReasonClusterUnknown:           true,
	v1alpha1.ReasonCertificateMissing:       true,
	v1alpha1.ReasonCertificateInvalid:       true,
	v1alpha1.ReasonCertificateKeyEncrypted:  true,
	v1alpha1.ReasonCertificateKeyMismatch:   true,
	v1alpha1.ReasonCertificateNotYetValid:   true,
	v1alpha1.ReasonCertificateExpired:       true,
	v1alpha1.ReasonCertificateExpiring:      true,
}

// newTroubles are the problems of rows that had another result before. The condition reports what holds the whole set.
func (s *scope) newTroubles(old map[v1alpha1.SecretReference]string) []trouble {
	if s.hold != nil {
		return nil
	}
	var changed []plan.Row
	for _, row := range s.plan.Rows {
		ref := v1alpha1.SecretReference{Namespace: row.Ref.Namespace, Name: row.Ref.Name}
		if old[ref] != row.Result && row.Result != v1alpha1.ReasonAwaitingRefresh && !row.Unread() {
			changed = append(changed, row)
		}
	}
	return troubles(changed, s.started)
}

func names(refs []types.NamespacedName) []string {
	all := make([]string, 0, len(refs))
	for _, r := range refs {
		all = append(all, r.String())
	}
	return all
}
