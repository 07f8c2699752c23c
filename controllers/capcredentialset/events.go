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

// tell makes events: one for each action, and one for each problem that is new since the previous status. A process that starts finds that status
// and does not repeat its problems.
//
// Each is about the set and related to a Secret or a workload: events with the same reason, action and objects are counted as one, with the note
// of the first.
func (r *reconciler) tell(s *scope, before *v1alpha1.CAPCredentialSet) {
	send := func(related runtime.Object, kind, reason, action, words string, args ...any) {
		r.recorder.Eventf(s.set, related, kind, reason, action, "%s", note(fmt.Sprintf(words, args...)))
	}
	for _, h := range s.effects.healed {
		writer := "somebody"
		if h.writer != "" {
			writer = "field manager " + quoted(h.writer)
		}
		send(secretObject(h.ref), corev1.EventTypeWarning, v1alpha1.ReasonSecretEdited, actionHeal, "Secret %s had been changed by %s and was "+
			"corrected", h.ref, writer)
	}
	for _, d := range s.effects.refreshed {
		source := "CAP"
		if d.from != "" {
			source = d.from
		}
		send(secretObject(d.refs[0]), corev1.EventTypeNormal, v1alpha1.ReasonRefreshed, actionRefresh, "Credential of role %s from %s written to "+
			"%s; it expires at %s",
			quoted(d.role), source, listed(names(d.refs)), d.expires.UTC().Format(time.RFC3339))
	}
	for _, t := range s.effects.restarted {
		send(workloadObject(t), corev1.EventTypeNormal, v1alpha1.ReasonWorkloadRestarted, actionRestart, "%s %s/%s restarted, so that it uses the "+
			"new credentials", t.Kind, t.Namespace, t.Name)
	}

	old := map[v1alpha1.SecretReference]string{}
	for _, t := range before.Status.Targets {
		old[v1alpha1.SecretReference{Namespace: t.Namespace, Name: t.Name}] = t.Result
	}
	for _, t := range s.newTroubles(old) {
		send(secretObject(t.refs[0]), corev1.EventTypeWarning, t.reason, actionJudge, "%s", t)
	}
	for _, c := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionClientCertificateValid, v1alpha1.ConditionSpecMatches, v1alpha1.ConditionSuspended, v1alpha1.ConditionSecondWriter, v1alpha1.ConditionClockSkewed, v1alpha1.ConditionExpiryDoubtful} {
		was, is := meta.FindStatusCondition(before.Status.Conditions, c), meta.FindStatusCondition(s.set.Status.Conditions, c)
		if is == nil || was != nil && was.Reason == is.Reason || !worthTelling[is.Reason] {
			continue
		}
		send(nil, corev1.EventTypeWarning, is.Reason, actionJudge, "%s", is.Message)
	}
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
