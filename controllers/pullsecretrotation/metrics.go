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
	heals = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "credential_rotation_pull_secret_heals_total",
		Help: "How often old credentials that somebody had put back into a target were replaced again.",
	}, []string{"rotation", "namespace", "name"})
)

func init() { metrics.Registry.MustRegister(ocmRequests, states, valid, heals) }

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
	switch c := meta.FindStatusCondition(s.obj.Status.Conditions, v1alpha1.ConditionPullSecretValid); {
	case c == nil:
	case c.Status == metav1.ConditionTrue:
		valid.WithLabelValues(s.obj.Name).Set(1)
	case c.Status == metav1.ConditionFalse:
		valid.WithLabelValues(s.obj.Name).Set(0)
	}
}

// forgetMetrics is for an object that is gone, and before the new state is set.
func forgetMetrics(name string) {
	states.DeletePartialMatch(prometheus.Labels{"rotation": name})
	valid.DeleteLabelValues(name)
}
