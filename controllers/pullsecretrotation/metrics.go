package pullsecretrotation

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
)

// The metrics are about names, reasons and counts; no label is ever made from a credential or an answer.
var (
	// ocmRequests counts what OCM is asked; its paths are templates, never ids.
	ocmRequests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "credential_rotation_ocm_requests_total",
		Help: "HTTP requests to OpenShift Cluster Manager and its SSO, by method, path template and status (0: no answer).",
	}, []string{"method", "path", "status"})
	states = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "credential_rotation_pull_secret_status",
		Help: "1 for the state (Ready, Progressing, Failing, Stalled, Paused) and the reason that a PullSecretRotation has now.",
	}, []string{"rotation", "state", "reason"})
	valid = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "credential_rotation_pull_secret_valid",
		Help: "1 when the registries accept the pull secret in use, 0 when one refuses it; absent while that is not known.",
	}, []string{"rotation"})
	issued = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "credential_rotation_pull_secret_issued_timestamp_seconds",
		Help: "When the rotation was requested that the pull secret in use is of; the present minus it is its age. Absent while that is not known.",
	}, []string{"rotation"})
	next = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "credential_rotation_pull_secret_next_rotation_timestamp_seconds",
		Help: "When the next rotation becomes due. Absent where none will.",
	}, []string{"rotation"})
	waiting = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "credential_rotation_pull_secret_waiting_since_timestamp_seconds",
		Help: "When that began which a PullSecretRotation waits for now. Absent while it waits for nothing.",
	}, []string{"rotation"})
	heals = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "credential_rotation_pull_secret_heals_total",
		Help: "How often old credentials that somebody had put back into a target were replaced again.",
	}, []string{"rotation", "namespace", "name"})
)

func init() { metrics.Registry.MustRegister(ocmRequests, states, valid, issued, next, waiting, heals) }

func observeOCM(method, path string, status int) {
	ocmRequests.WithLabelValues(method, path, strconv.Itoa(status)).Inc()
}

// measure shows the present state, and only that.
func (s *scope) measure(d decide.Decision) {
	forgetMetrics(s.obj.Name)
	states.WithLabelValues(s.obj.Name, string(d.State), d.Reason).Set(1)
	for _, t := range s.obj.Spec.Targets {
		heals.WithLabelValues(s.obj.Name, t.Namespace, t.Name).Add(0) // increase() does not see a series' first value
	}
	s.measureTimes()
	switch c := meta.FindStatusCondition(s.obj.Status.Conditions, v1alpha1.ConditionPullSecretValid); {
	case c == nil:
	case c.Status == metav1.ConditionTrue:
		valid.WithLabelValues(s.obj.Name).Set(1)
	case c.Status == metav1.ConditionFalse:
		valid.WithLabelValues(s.obj.Name).Set(0)
	}
}

// measureTimes shows the age of the pull secret, when the next rotation is due, and since when something is waited for.
func (s *scope) measureTimes() {
	name := s.obj.Name
	if at := s.obj.Status.PullSecretIssuedAt; at != nil {
		issued.WithLabelValues(name).Set(float64(at.Unix()))
	}
	if at := s.obj.Status.NextRotationAfter; at != nil {
		next.WithLabelValues(name).Set(float64(at.Unix()))
	}
	if _, at, ok := decide.WaitingSince(s.obj, s.now()); ok {
		waiting.WithLabelValues(name).Set(float64(at.Unix()))
	}
}

// forgetMetrics is for before the new state is set.
func forgetMetrics(name string) {
	states.DeletePartialMatch(prometheus.Labels{"rotation": name})
	for _, gauge := range []*prometheus.GaugeVec{valid, issued, next, waiting} {
		gauge.DeleteLabelValues(name)
	}
}

// forgetAllMetrics is for an object that is gone: its counters end too.
func forgetAllMetrics(name string) {
	forgetMetrics(name)
	heals.DeletePartialMatch(prometheus.Labels{"rotation": name})
}
