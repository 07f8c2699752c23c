package capcredentialset

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/apierr"
	"github.com/openshift/credential-rotation-operator/internal/cap"
	"github.com/openshift/credential-rotation-operator/internal/command"
	"github.com/openshift/credential-rotation-operator/internal/conditions"
)

// report is the only exit of a round: status, conditions, events and metrics, with at most one patch, and none if nothing has changed.
func (r *reconciler) report(ctx context.Context, s *scope) error {
	before := s.set.DeepCopy()
	s.fillStatus()
	s.setReady()
	s.setSuspended()
	s.setSpecMatches()
	s.remarkOnLateness()
	s.remarkOnRequest()
	s.noteRequest(r.now())
	s.setCertificateValid(r.now(), r.certificateRef(s.set).String())
	r.setSecondWriter(s)
	s.setUpgradeReady()
	s.setClockSkewed()
	s.setExpiryDoubtful()
	gauge(s)
	r.tell(s, before)
	if s.postponed = r.postpone(before, s); s.postponed > 0 {
		return nil
	}
	return r.patchStatus(ctx, s, before)
}

// patchPause is the interval between two patches that differ only in future times.
const patchPause = 10 * time.Second

// postpone is how long a status waits that differs from the previous one only in the times of retries.
func (r *reconciler) postpone(before *v1alpha1.CAPCredentialSet, s *scope) time.Duration {
	wait := patchPause - r.now().Sub(s.patched)
	if wait <= 0 || wait > patchPause || equality.Semantic.DeepEqual(before.Status, s.set.Status) {
		return 0
	}
	if !equality.Semantic.DeepEqual(timeless(&before.Status), timeless(&s.set.Status)) {
		return 0
	}
	return wait
}

// timeless is a status without future times.
func timeless(status *v1alpha1.CAPCredentialSetStatus) *v1alpha1.CAPCredentialSetStatus {
	status = status.DeepCopy()
	status.NextRefresh = nil
	for i := range status.Targets {
		status.Targets[i].NextRefresh = nil
	}
	return status
}

// reportBlind reports that a round could not judge the Secrets. Their rows in the status stay.
func (r *reconciler) reportBlind(ctx context.Context, s *scope, cause error) error {
	before := s.set.DeepCopy()
	words := "The key of the content hash cannot be read or created: " + apierr.Words(cause)
	defer gaugeReady(s.set)
	conditions.Failing(s.set, v1alpha1.ReasonInternalError, words+". Nothing is fetched or written until then."+s.firstExpiry())
	return r.patchStatus(ctx, s, before)
}

func (r *reconciler) patchStatus(ctx context.Context, s *scope, before *v1alpha1.CAPCredentialSet) error {
	if equality.Semantic.DeepEqual(before.Status, s.set.Status) {
		return nil
	}
	if err := r.client.Status().Patch(ctx, s.set, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("writing the status: %w", err)
	}
	s.seen, s.patched = s.set.DeepCopy(), r.now()
	return nil
}

// needsPerson are the reasons that do not go away by themselves.
var needsPerson = map[string]bool{
	v1alpha1.ReasonConflict:              true,
	v1alpha1.ReasonForbidden:             true,
	v1alpha1.ReasonNoRole:                true,
	v1alpha1.ReasonSecretMissing:         true,
	v1alpha1.ReasonSecretNotOurs:         true,
	v1alpha1.ReasonSecretNotOpaque:       true,
	v1alpha1.ReasonWriteRefused:          true,
	v1alpha1.ReasonWriterFight:           true,
	v1alpha1.ReasonInvalidSpec:           true,
	v1alpha1.ReasonAuthenticationRefused: true,
	v1alpha1.ReasonRequestRejected:       true,
	v1alpha1.ReasonRoleRefused:           true,
	v1alpha1.ReasonAPIDisabled:           true,
	v1alpha1.ReasonCAPUntrusted:          true,
	v1alpha1.ReasonHandshakeFailed:       true,
	v1alpha1.ReasonUnsafeCredential:      true,
}

// setReady sets Ready: first what holds the whole set, then what is wrong with some Secrets.
func (s *scope) setReady() {
	if s.set.Spec.Suspend {
		s.keepReady()
		return
	}
	all := troubles(s.plan.Rows, s.started)
	switch {
	case s.setHeld():
	case len(all) > 0:
		s.setTroubled(all)
	default:
		s.setFresh()
	}
}

// setHeld returns true if something holds the whole set, and reports it in Ready.
func (s *scope) setHeld() bool {
	switch {
	case s.hold != nil:
		message := s.hold.Message
		if s.hold.Fetching {
			message += s.firstExpiry()
		}
		conditions.Stalled(s.set, s.hold.Reason, message)
	case s.partial != nil && s.partial.Reason == v1alpha1.ReasonInvalidSpec:
		conditions.Stalled(s.set, s.partial.Reason, s.partial.Message+s.firstExpiry())
	case s.partial != nil:
		conditions.Failing(s.set, s.partial.Reason, s.partial.Message+s.firstExpiry())
	case s.requestsErr != nil:
		conditions.Stalled(s.set, v1alpha1.ReasonForbidden, "The CredentialsRequests cannot be read, so none are "+
			"served ("+string(apierrors.ReasonForError(s.requestsErr))+
			"). Restore the operator's ClusterRole credential-rotation-operator.")
	case len(s.plan.Rows) == 0:
		conditions.Progressing(s.set, v1alpha1.ReasonNoTargets, "No AWS CredentialsRequest matches and spec.secrets is empty, so there is nothing to refresh. "+
			"If that is not intended, check spec.credentialsRequests.selector.")
	default:
		return false
	}
	return true
}

// setFresh is for a set whose Secrets are all fresh.
func (s *scope) setFresh() {
	if f := s.failedRestart(); f != nil {
		conditions.Failing(s.set, f.Reason, f.Message)
		return
	}
	if s.unproven() {
		s.setUnproven(len(s.plan.Rows))
		return
	}
	conditions.Ready(s.set, v1alpha1.ReasonFresh, fmt.Sprintf("All %d credentials are fresh.", len(s.plan.Rows)))
}

func (s *scope) setTroubled(all []trouble) {
	total, failing, person, waiting := len(s.plan.Rows), 0, false, v1alpha1.ReasonAwaitingRefresh
	words := make([]string, 0, len(all))
	for _, t := range all {
		failing += len(t.refs)
		words = append(words, t.String())
		person = person || needsPerson[t.reason]
		if t.reason == v1alpha1.ReasonNamespaceMissing {
			waiting = t.reason
		}
	}
	message := fmt.Sprintf("%d of %d credentials are fresh. %s", total-failing, total, strings.Join(words, " "))
	switch {
	case onlyWaiting(all):
		conditions.Progressing(s.set, waiting, message)
	case person:
		conditions.Stalled(s.set, v1alpha1.ReasonRefreshFailing, message)
	default:
		conditions.Failing(s.set, v1alpha1.ReasonRefreshFailing, message)
	}
}

// firstExpiry is a sentence about how much time is left, if that is known.
func (s *scope) firstExpiry() string {
	first := s.set.Status.EarliestExpiry
	if first == nil {
		return ""
	}
	return " The first credential in the Secrets " + dies(first.Time, s.set.Status.Expired > 0) + "."
}

// onlyWaiting is true if nothing has failed, and the set only waits.
func onlyWaiting(all []trouble) bool {
	for _, t := range all {
		if t.reason != v1alpha1.ReasonAwaitingRefresh && t.reason != v1alpha1.ReasonNamespaceMissing {
			return false
		}
	}
	return true
}

// failedRestart is the first workload of the spec that could not be restarted.
func (s *scope) failedRestart() *plan.Failure {
	for _, t := range s.set.Spec.RestartTargets {
		if st := s.memory.Restarts[t]; st.Failure.Count > 0 {
			return &st.Failure
		}
	}
	return nil
}

// remarkOnRequest adds to Ready why a requested refresh does not happen yet.
func (s *scope) remarkOnRequest() {
	var words string
	switch value := s.set.Annotations[v1alpha1.RefreshRequestedAnnotation]; {
	case value != "" && plan.ParseTime(value).IsZero():
		words = "The annotation " + v1alpha1.RefreshRequestedAnnotation + " is ignored: it is not an RFC 3339 time, for example 2026-11-20T00:00:00Z."
	case !s.plan.Requested.IsZero():
		words = "A refresh of all credentials is requested for " + s.plan.Requested.UTC().Format(time.RFC3339) + ", which is in the future."
	default:
		return
	}
	s.addToReady(words)
}

// setCertificateValid sets the condition of the client certificate, well before it expires.
func (s *scope) setCertificateValid(now time.Time, secret string) {
	const condition = v1alpha1.ConditionClientCertificateValid
	switch {
	case s.certificateErr != nil:
		conditions.Set(s.set, condition, metav1.ConditionFalse, string(s.certificateErr.Reason),
			fmt.Sprintf("Secret %s: %s.", secret, s.certificateErr.Message))
	case s.certificate.ExpiringSoon(now):
		conditions.Set(s.set, condition, metav1.ConditionFalse, v1alpha1.ReasonCertificateExpiring,
			fmt.Sprintf("The client certificate in Secret %s expires at %s. After that no credential can be fetched. Renew it and replace it in "+
				"the Secret; no restart is needed.",
				secret, s.certificate.NotAfter.UTC().Format(time.RFC3339)))
	default:
		conditions.Set(s.set, condition, metav1.ConditionTrue, v1alpha1.ReasonCertificateValid,
			"It is valid until "+s.certificate.NotAfter.UTC().Format(time.RFC3339)+".")
	}
}

// setSecondWriter reports who else writes the same Secrets.
func (r *reconciler) setSecondWriter(s *scope) {
	const condition = v1alpha1.ConditionSecondWriter
	for i := range s.plan.Rows {
		if row := &s.plan.Rows[i]; row.Fighting {
			conditions.Set(s.set, condition, metav1.ConditionTrue, v1alpha1.ReasonWriterFight, row.Ref.String()+": "+plan.FightMessage(*row))
			return
		}
	}
	for _, job := range r.facts.CronJobs() {
		if !maybeLegacy(job.Namespace) {
			continue
		}
		conditions.Set(s.set, condition, metav1.ConditionTrue, v1alpha1.ReasonLegacyCronJob, fmt.Sprintf(
			"CronJob %s/%s (schedule %s) writes AWS credentials to the same Secrets, without their session token, and empties them when CAP answers with an error. "+
				"Suspend it: %s", job.Namespace, job.Name, quoted(conditions.Shorten(job.Schedule, 128)),
			command.Line{"oc", "-n", job.Namespace, "patch", "cronjob", job.Name, "-p", `{"spec":{"suspend":true}}`}))
		return
	}
	for i := range s.plan.Rows {
		ref := s.plan.Rows[i].Ref
		if heals, writer := s.memory.Regular(ref, r.now()); heals > 0 {
			conditions.Set(s.set, condition, metav1.ConditionTrue, v1alpha1.ReasonRegularWriter, fmt.Sprintf(
				"%s has changed what the operator writes to Secret %s, and the operator corrected it %d times within a day. Each time its "+
					"consumers may have read a wrong credential. Stop the other writer, which may be a CronJob of cap-token-refresh under "+
					"another name.", manager(writer), ref, heals))
			return
		}
	}
	conditions.Set(s.set, condition, metav1.ConditionFalse, v1alpha1.ReasonNoSecondWriter, "No other writer of these Secrets is known.")
}

// manager names a field manager, if one is known.
func manager(name string) string {
	if name == "" {
		return "Somebody"
	}
	return "The field manager " + quoted(conditions.Shorten(name, 128))
}

// maybeLegacy is true if a CronJob named cap-token-refresh may be that project's: in the namespace of its manifests, or in one that only
// administrators can create. A tenant's CronJob of the same name does not write a set's Secrets.
func maybeLegacy(namespace string) bool {
	return namespace == "cap-token-refresh" || strings.HasPrefix(namespace, "openshift-") || strings.HasPrefix(namespace, "kube-")
}

// setClockSkewed reports that this cluster's clock and CAP's disagree. A process that has not asked CAP yet keeps the last report.
func (s *scope) setClockSkewed() {
	const condition = v1alpha1.ConditionClockSkewed
	if s.portal.client == nil {
		return
	}
	switch skew, known := s.portal.client.Skew(); {
	case !known:
	case skew == 0:
		conditions.Remove(s.set, condition)
	default:
		conditions.Set(s.set, condition, metav1.ConditionTrue, v1alpha1.ReasonClockSkew, fmt.Sprintf(
			"CAP's clock is %s this cluster's. Expiries are converted from CAP's clock, so refreshes come in time, but AWS refuses requests if a "+
				"clock is minutes off. Fix time synchronisation (chrony) on the machines of this cluster; if it is correct, tell CAP's "+
				"administrators.", cap.DescribeSkew(skew)))
	}
}

// setExpiryDoubtful reports the Secrets whose expiry is uncertain although CAP gives one.
func (s *scope) setExpiryDoubtful() {
	var refs []types.NamespacedName
	for i := range s.plan.Rows {
		if row := &s.plan.Rows[i]; row.Expiry == v1alpha1.ExpiryUnreadable || row.Expiry == v1alpha1.ExpiryZoneless {
			refs = append(refs, row.Ref)
		}
	}
	if len(refs) == 0 {
		conditions.Remove(s.set, v1alpha1.ConditionExpiryDoubtful)
		return
	}
	conditions.Set(s.set, v1alpha1.ConditionExpiryDoubtful, metav1.ConditionTrue, v1alpha1.ReasonExpiryUnreadable, fmt.Sprintf(
		"CAP gives the expiry of the credentials in %s in an unknown form, or without a time zone. They are refreshed early, by "+
			"spec.refresh.assumedLifetime. Set it to the lifetime of CAP's credentials, and tell CAP's administrators.", listed(names(refs))))
}
