package manager

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/openshift/credential-rotation-operator/internal/version"
)

// buildInfo shows which clusters of a fleet run which version.
var buildInfo = prometheus.NewGaugeVec(prometheus.GaugeOpts{
	Name: "credential_rotation_build_info",
	Help: "1 for the version of the operator.",
}, []string{"version"})

func init() {
	metrics.Registry.MustRegister(buildInfo)
	buildInfo.WithLabelValues(version.String()).Set(1)
}
