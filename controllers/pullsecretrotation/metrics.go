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

// The metrics have names, reasons and counts; no label is made from a credential or an answer.
var (
	// ocmRequests counts requests to OCM; its paths are templates without ids.
	ocmRequests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "credential_rotation_ocm_requests_total",
		Help: "HTTP requests to OpenShift Cluster Manager and its SSO, by method, path template and status (0: no answer).",
	}, []string{"method", "path", "status"})
	states = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "credential_rotation_pull_secret_status",
		Help: "1 for the current state (Ready, Progressing, Failing, Stalled, Paused) and reason of a PullSecretRotation.",
	}, []string{"rotation", "state", "reason"})
	valid = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "credential_rotation_pull_secret_valid",
		Help: "1 if the registries accept the pull secret in use, 0 if one refuses it; absent while that is unknown.",
	}, []string{"rotation"})
	issued = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "credential_rotation_pull_secret_issued_timestamp_seconds",
		Help: "When the rotation of the pull secret in use was requested, which gives its age; absent while that is unknown.",
	}, []string{"rotation"})
	next = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "credential_rotation_pull_secret_next_rotation_timestamp_seconds",
		Help: "When the next rotation becomes due; absent if none will.",
	}, []string{"rotation"})
	waiting = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "credential_rotation_pull_secret_waiting_since_timestamp_seconds",
		Help: "When the current wait of a PullSecretRotation began; absent while it waits for nothing.",
	}, []string{"rotation"})
	revoked = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "credential_rotation_pull_secret_old_credentials_revoked",
		Help: "1 when every registry refuses the credentials that the last rotation replaced, 0 when one accepts them a day after OCM has deleted them; absent while that is not known.",
	}, []string{"rotation"})
	canPull = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "credential_rotation_pull_secret_machines_can_pull",
		Help: "1 if a machine of each pool has pulled spec.rollout.probe.image with the pull secret in use, 0 if one could not; absent while that is unknown.",
	}, []string{"rotation"})
	lagging = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "credential_rotation_pull_secret_lagging_clusters",
		Help: "How many of the account's clusters have not switched to the rotation under way; absent while that is unknown, and without a rotation.",
	}, []string{"rotation"})
	offerEnds = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "credential_rotation_pull_secret_lagging_clusters_lose_access_timestamp_seconds",
		Help: "When the first of the account's clusters that have not switched loses access; absent if all have, while that is unknown, and without a rotation.",
	}, []string{"rotation"})
	heals = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "credential_rotation_pull_secret_heals_total",
		Help: "How often the operator replaced old credentials that somebody had restored in a target.",
	}, []string{"rotation", "namespace", "name"})
)

func init() {
	metrics.Registry.MustRegister(ocmRequests, states, valid, issued, next, waiting, revoked, canPull, lagging, offerEnds, heals)
}

func observeOCM(method, path string, status int) {
	ocmRequests.WithLabelValues(method, path, strconv.Itoa(status)).Inc()
}

// measure exports the current state, and only that.
func (s *scope) measure(d decide.Decision) {
	forgetMetrics(s.obj.Name)
	states.WithLabelValues(s.obj.Name, string(d.State), d.Reason).Set(1)
	for _, t := range s.obj.Spec.Targets {
		heals.WithLabelValues(s.obj.Name, t.Namespace, t.Name).Add(0) // increase() does not see a series' first value
	}
	s.measureTimes()
	s.measureRevocation()
	s.measureLag()
	s.measureCondition(valid, v1alpha1.ConditionPullSecretValid)
	s.measureCondition(canPull, v1alpha1.ConditionMachinesCanPull)
}

// measureCondition exports a condition that is True or False.
func (s *scope) measureCondition(gauge *prometheus.GaugeVec, condition string) {
	switch c := meta.FindStatusCondition(s.obj.Status.Conditions, condition); {
	case c == nil:
	case c.Status == metav1.ConditionTrue:
		gauge.WithLabelValues(s.obj.Name).Set(1)
	case c.Status == metav1.ConditionFalse:
		gauge.WithLabelValues(s.obj.Name).Set(0)
	}
}

// measureRevocation shows what is proven of the old credentials.
func (s *scope) measureRevocation() {
	switch c := meta.FindStatusCondition(s.obj.Status.Conditions, v1alpha1.ConditionOldCredentialsRevoked); {
	case c == nil:
	case c.Reason == v1alpha1.ReasonRevocationProven:
		revoked.WithLabelValues(s.obj.Name).Set(1)
	case c.Reason == v1alpha1.ReasonOldCredentialsAccepted:
		revoked.WithLabelValues(s.obj.Name).Set(0)
	}
}

// measureLag exports how many clusters lag, and when the first of them loses access, without naming any.
func (s *scope) measureLag() {
	clusters, first := decide.Lagging(&s.obj.Status)
	if clusters != nil {
		lagging.WithLabelValues(s.obj.Name).Set(float64(*clusters))
	}
	if first != nil {
		offerEnds.WithLabelValues(s.obj.Name).Set(float64(first.Unix()))
	}
}

// measureTimes exports the age of the pull secret, when the next rotation is due, and the start of the current wait.
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

// forgetMetrics clears the state before a new one is set.
func forgetMetrics(name string) {
	states.DeletePartialMatch(prometheus.Labels{"rotation": name})
	for _, gauge := range []*prometheus.GaugeVec{valid, issued, next, waiting, revoked, canPull, lagging, offerEnds} {
		gauge.DeleteLabelValues(name)
	}
}

// forgetAllMetrics also removes the counters, for a deleted object.
func forgetAllMetrics(name string) {
	forgetMetrics(name)
	heals.DeletePartialMatch(prometheus.Labels{"rotation": name})
}
