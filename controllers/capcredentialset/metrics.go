package capcredentialset

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// The metrics have names, times and counts; no label is made from a credential or an answer.
var (
	secretExpiry = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "credential_rotation_secret_expiry_timestamp_seconds",
		Help: "When the AWS credential in a Secret expires, as a Unix time; absent while that is unknown.",
	}, []string{"set", "namespace", "name"})
	secretRefreshed = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "credential_rotation_secret_refreshed_timestamp_seconds",
		Help: "When the AWS credential in a Secret was fetched, as a Unix time.",
	}, []string{"set", "namespace", "name"})
	ready = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "credential_rotation_set_ready",
		Help: "1 while the condition Ready of a CAPCredentialSet is True, else 0, with the reason of the condition.",
	}, []string{"set", "reason"})
	targets = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "credential_rotation_secrets",
		Help: "Number of Secrets of a set by state: Fresh, or the reason why not.",
	}, []string{"set", "reason"})
	withoutExpiry = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "credential_rotation_secrets_without_expiry",
		Help: "Number of Secrets of a set without a credential, or with one whose expiry is unknown.",
	}, []string{"set"})
	calls = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "credential_rotation_cap_requests_total",
		Help: "Requests to the C2S Access Portal.",
	}, []string{"set", "role"})
	failures = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "credential_rotation_refresh_failures_total",
		Help: "Credentials that could not be fetched, were not accepted or could not be written, by reason.",
	}, []string{"set", "role", "reason"})
	writes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "credential_rotation_secret_writes_total",
		Help: "Secrets that were written.",
	}, []string{"set"})
	certificateExpiry = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "credential_rotation_client_certificate_expiry_timestamp_seconds",
		Help: "When the client certificate for the C2S Access Portal expires, as a Unix time.",
	}, []string{"set"})
)

func init() {
	metrics.Registry.MustRegister(ready, secretExpiry, secretRefreshed, targets, withoutExpiry, calls, failures, writes, certificateExpiry)
}

func countCall(set, role string) { calls.WithLabelValues(set, roleLabels.of(set, role)).Inc() }
func countFailure(set, role, reason string) {
	failures.WithLabelValues(set, roleLabels.of(set, role), reason).Inc()
}
func countWrite(set string) { writes.WithLabelValues(set).Inc() }

// leftAlone are the reasons of Secrets that a set does not own, or not yet.
var leftAlone = map[string]bool{
	v1alpha1.ReasonConflict:         true,
	v1alpha1.ReasonForbidden:        true,
	v1alpha1.ReasonNamespaceMissing: true,
	v1alpha1.ReasonNoRole:           true,
	v1alpha1.ReasonSecretMissing:    true,
	v1alpha1.ReasonSecretNotOpaque:  true,
	v1alpha1.ReasonSecretNotOurs:    true,
}

// gauge exports the current state of a set. Series of removed Secrets are dropped, so that no alert fires for them, and existing series are never
// missing in between.
func gauge(s *scope) {
	name := s.set.Name
	secretsNow, reasonsNow, unknown := map[types.NamespacedName]bool{}, map[string]int{}, 0
	for i := range s.plan.Rows {
		row := &s.plan.Rows[i]
		secretsNow[row.Ref] = true
		reasonsNow[row.Result]++
		if row.ExpiresAt.IsZero() && !leftAlone[row.Result] {
			unknown++
		}
		setTime(secretExpiry, row.ExpiresAt, name, row.Ref.Namespace, row.Ref.Name)
		setTime(secretRefreshed, row.FetchedAt, name, row.Ref.Namespace, row.Ref.Name)
	}
	for _, t := range s.lastKnown() {
		ref := types.NamespacedName{Namespace: t.Namespace, Name: t.Name}
		secretsNow[ref] = true
		setTime(secretExpiry, goTime(t.ExpiresAt), name, t.Namespace, t.Name)
		setTime(secretRefreshed, goTime(t.RefreshedAt), name, t.Namespace, t.Name)
		reasonsNow[t.Result]++
		if t.ExpiresAt == nil && !leftAlone[t.Result] {
			unknown++
		}
	}
	withoutExpiry.WithLabelValues(name).Set(float64(unknown))
	for ref := range s.gaugedSecrets {
		if !secretsNow[ref] {
			secretExpiry.DeleteLabelValues(name, ref.Namespace, ref.Name)
			secretRefreshed.DeleteLabelValues(name, ref.Namespace, ref.Name)
		}
	}
	for reason := range s.gaugedReasons {
		if reasonsNow[reason] == 0 {
			targets.DeleteLabelValues(name, reason)
		}
	}
	for reason, n := range reasonsNow {
		targets.WithLabelValues(name, reason).Set(float64(n))
	}
	s.gaugedSecrets, s.gaugedReasons = secretsNow, reasonsNow
	dropRoles(name, s.plan.Rows)
	var notAfter time.Time
	if s.certificate != nil {
		notAfter = s.certificate.NotAfter
	}
	setTime(certificateExpiry, notAfter, name)
	gaugeReady(s.set)
}

// gaugeReady exports the condition Ready. It removes the series of another reason before it adds the new one.
func gaugeReady(set *v1alpha1.CAPCredentialSet) {
	ready.DeletePartialMatch(prometheus.Labels{"set": set.Name})
	if c := meta.FindStatusCondition(set.Status.Conditions, v1alpha1.ConditionReady); c != nil {
		value := 0.0
		if c.Status == metav1.ConditionTrue {
			value = 1
		}
		ready.WithLabelValues(set.Name, c.Reason).Set(value)
	}
}

// setTime exports a time, or nothing if it is unknown.
func setTime(v *prometheus.GaugeVec, t time.Time, labels ...string) {
	if t.IsZero() {
		v.DeleteLabelValues(labels...)
		return
	}
	v.WithLabelValues(labels...).Set(float64(t.Unix()))
}

// forgetMetrics drops the series of a deleted set.
func forgetMetrics(name string) {
	roleLabels.keep(name, nil)
	set := prometheus.Labels{"set": name}
	for _, v := range []interface {
		DeletePartialMatch(prometheus.Labels) int
	}{ready, secretExpiry, secretRefreshed, targets, withoutExpiry, calls, failures, writes, certificateExpiry} {
		v.DeletePartialMatch(set)
	}
}
