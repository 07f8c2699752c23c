package manifests

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/openshift/credential-rotation-operator/config"
	"github.com/openshift/credential-rotation-operator/internal/cli/manager"
)

// The manifests reference each other by name, and nothing else would report a wrong name.

func metricsService(t *testing.T) *corev1.Service {
	t.Helper()
	s := &corev1.Service{}
	if err := server.admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "credential-rotation-operator-metrics"}, s); err != nil {
		t.Fatal(err)
	}
	return s
}

// defaultPort is the default of an address flag of the manager, which the Deployment must not set.
func defaultPort(t *testing.T, d *appsv1.Deployment, flag string) intstr.IntOrString {
	t.Helper()
	for _, arg := range d.Spec.Template.Spec.Containers[0].Args {
		if strings.HasPrefix(arg, "--"+flag) {
			t.Fatalf("the Deployment sets %s", arg)
		}
	}
	return intstr.Parse(strings.TrimPrefix(manager.NewCommand().Flags().Lookup(flag).DefValue, ":"))
}

// portNamed is the number of a port of the container.
func portNamed(d *appsv1.Deployment, name string) intstr.IntOrString {
	for _, p := range d.Spec.Template.Spec.Containers[0].Ports {
		if p.Name == name {
			return intstr.FromInt32(p.ContainerPort)
		}
	}
	return intstr.FromString("no port " + name)
}

func TestWiring_ProbesUseTheManagersPort(t *testing.T) {
	d := deployment(t)
	c := d.Spec.Template.Spec.Containers[0]
	for want, probe := range map[string]*corev1.Probe{"/healthz": c.LivenessProbe, "/readyz": c.ReadinessProbe} {
		if probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Path != want {
			t.Errorf("no probe uses %s: %v", want, probe)
			continue
		}
		if got, want := portNamed(d, probe.HTTPGet.Port.StrVal), defaultPort(t, d, "health-probe-bind-address"); got != want {
			t.Errorf("the probe of %s uses port %s, but the manager listens on %s", probe.HTTPGet.Path, got.String(), want.String())
		}
	}
}

// mounted is the directory in the container where a volume is, and the volume.
func mounted(d *appsv1.Deployment, is func(corev1.Volume) bool) (string, corev1.Volume) {
	for _, v := range d.Spec.Template.Spec.Volumes {
		for _, m := range d.Spec.Template.Spec.Containers[0].VolumeMounts {
			if m.Name == v.Name && is(v) {
				return m.MountPath, v
			}
		}
	}
	return "", corev1.Volume{}
}

func TestWiring_PrometheusReachesThePodsWithACertificateOfTheServiceCA(t *testing.T) {
	d, service := deployment(t), metricsService(t)
	if !labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(d.Spec.Template.Labels)) {
		t.Errorf("the Service selects %v, the pods have %v", service.Spec.Selector, d.Spec.Template.Labels)
	}
	port := service.Spec.Ports[0]
	if got, want := portNamed(d, port.TargetPort.StrVal), defaultPort(t, d, "metrics-bind-address"); got != want {
		t.Errorf("the Service leads to port %s, but the manager serves metrics on %s", got.String(), want.String())
	}
	secret := service.Annotations["service.beta.openshift.io/serving-cert-secret-name"]
	dir, _ := mounted(d, func(v corev1.Volume) bool { return v.Secret != nil && v.Secret.SecretName == secret })
	if arg := "--metrics-cert-dir=" + dir; !slices.Contains(d.Spec.Template.Spec.Containers[0].Args, arg) {
		t.Errorf("the certificate of the service CA, Secret %s, is mounted at %q, but there is no argument %s", secret, dir, arg)
	}

	objects, err := decode(kustomize(t, "config/prometheus"))
	if err != nil {
		t.Fatal(err)
	}
	var monitor struct {
		Spec struct {
			Selector  struct{ MatchLabels map[string]string }
			Endpoints []struct {
				Port, Scheme, Path string
				TLSConfig          struct{ ServerName string }
			}
		}
	}
	for _, o := range objects {
		if o.GetKind() == "ServiceMonitor" {
			raw, err := yaml.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			if err := yaml.Unmarshal(raw, &monitor); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(monitor.Spec.Endpoints) != 1 || len(monitor.Spec.Selector.MatchLabels) == 0 {
		t.Fatalf("the ServiceMonitor is %+v", monitor)
	}
	e := monitor.Spec.Endpoints[0]
	if !labels.SelectorFromSet(monitor.Spec.Selector.MatchLabels).Matches(labels.Set(service.Labels)) || e.Port != port.Name {
		t.Errorf("the ServiceMonitor selects port %s of Services with %v; the Service has %s and %v", e.Port, monitor.Spec.Selector.MatchLabels, port.Name, service.Labels)
	}
	if name := service.Name + "." + service.Namespace + ".svc"; e.TLSConfig.ServerName != name || e.Scheme != "https" || e.Path != "/metrics" {
		t.Errorf("Prometheus scrapes %s %s as %q; the certificate is for %s", e.Scheme, e.Path, e.TLSConfig.ServerName, name)
	}
	// Without a jobLabel, the job has the Service's name.
	for _, a := range alerts(t) {
		for _, m := range regexp.MustCompile(`\bup\{([^}]*)\}`).FindAllStringSubmatch(a.Expr, -1) {
			if want := fmt.Sprintf("job=%q", service.Name); m[1] != want {
				t.Errorf("%s uses up{%s}, want up{%s}, which is the same in every namespace", a.Alert, m[1], want)
			}
		}
	}
}

// An installation into another namespace is an overlay with its name, which must replace the name everywhere.
func TestWiring_AnOverlayMovesEverythingIntoItsNamespace(t *testing.T) {
	built := kustomize(t, "config/overlays/another-namespace")
	if bytes.Contains(built, []byte(namespace)) {
		for i, line := range strings.Split(string(built), "\n") {
			if strings.Contains(line, namespace) {
				t.Errorf("line %d still names the suggested namespace: %s", i+1, line)
			}
		}
	}
	objects, err := decode(built)
	if err != nil {
		t.Fatal(err)
	}
	bound := 0
	for _, o := range objects {
		subjects, _, _ := unstructured.NestedSlice(o.Object, "subjects")
		for _, s := range subjects {
			if subject := s.(map[string]any); subject["name"] == "credential-rotation-operator" {
				bound++
				if subject["namespace"] != "credential-rotation" {
					t.Errorf("%s %s binds the service account of %v", o.GetKind(), o.GetName(), subject["namespace"])
				}
			}
		}
	}
	if bound != 3 {
		t.Errorf("%d bindings of the operator, want 3", bound)
	}
}

// The policy allows the cluster's Prometheus, the kubelet and the operator's own requests; it uses the Deployment's port names.
func TestWiring_TheNetworkPolicyIsAboutTheOperatorsPodsAndPorts(t *testing.T) {
	objects, err := decode(kustomize(t, "config/network-policy"))
	if err != nil {
		t.Fatal(err)
	}
	d := deployment(t)
	denied, allowed := false, map[string]bool{}
	for _, o := range objects {
		policy := &networkingv1.NetworkPolicy{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, policy); err != nil {
			t.Fatal(err)
		}
		if err := server.admin.Create(t.Context(), o, client.DryRunAll); err != nil {
			t.Errorf("%s: %v", o.GetName(), err)
		}
		if len(policy.Spec.PolicyTypes) != 2 {
			t.Errorf("%s is about %v, want both ways", policy.Name, policy.Spec.PolicyTypes)
		}
		if len(policy.Spec.Ingress) == 0 && len(policy.Spec.Egress) == 0 {
			denied = len(policy.Spec.PodSelector.MatchLabels) == 0
			continue
		}
		if !labels.SelectorFromSet(policy.Spec.PodSelector.MatchLabels).Matches(labels.Set(d.Spec.Template.Labels)) {
			t.Errorf("%s selects %v, the pods have %v", policy.Name, policy.Spec.PodSelector.MatchLabels, d.Spec.Template.Labels)
		}
		for _, rule := range policy.Spec.Ingress {
			for _, port := range rule.Ports {
				if portNamed(d, port.Port.StrVal).Type != intstr.Int {
					t.Errorf("the Deployment has no port %s", port.Port)
				}
				allowed["to "+port.Port.String()] = len(rule.From) > 0
			}
		}
		for _, rule := range policy.Spec.Egress {
			for _, port := range rule.Ports {
				allowed["from "+port.Port.String()] = len(rule.To) > 0
			}
		}
	}
	// The value is whether it is only for some peers.
	want := map[string]bool{"to metrics": true, "to health": false, "from 53": true, "from 5353": true, "from 6443": false, "from 443": false}
	if !denied || !maps.Equal(allowed, want) {
		t.Errorf("everything else is denied: %t; allowed: %v, want %v", denied, allowed, want)
	}
}

func TestWiring_ADrainLeavesOneReplica(t *testing.T) {
	d := deployment(t)
	budget := &policyv1.PodDisruptionBudget{}
	if err := server.admin.Get(t.Context(), client.ObjectKeyFromObject(d), budget); err != nil {
		t.Fatal(err)
	}
	if !labels.SelectorFromSet(budget.Spec.Selector.MatchLabels).Matches(labels.Set(d.Spec.Template.Labels)) {
		t.Errorf("the budget is for %v, the pods have %v", budget.Spec.Selector.MatchLabels, d.Spec.Template.Labels)
	}
	// A budget that forbids every eviction would block machine upgrades.
	if away := budget.Spec.MaxUnavailable; away == nil || away.IntValue() != 1 || *d.Spec.Replicas != 2 {
		t.Errorf("of %d replicas %v may be unavailable, want one of two", *d.Spec.Replicas, away)
	}
}

// Applying a ConfigMap that OpenShift fills would empty it, so the operator reads the cluster's own.
func TestWiring_NoShippedObjectIsFilledByOthers(t *testing.T) {
	objects, err := decode(config.Install())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		if o.GetKind() == "ConfigMap" || o.GetLabels()["config.openshift.io/inject-trusted-cabundle"] != "" {
			t.Errorf("%s %s is shipped without its content in a cluster", o.GetKind(), o.GetName())
		}
	}
	if bundles, err := filepath.Glob(filepath.Join(repository, "bundle", "manifests", "*configmap*")); err != nil || len(bundles) > 0 {
		t.Errorf("the bundle has %v (%v)", bundles, err)
	}
	for _, v := range deployment(t).Spec.Template.Spec.Volumes {
		if v.ConfigMap != nil {
			t.Errorf("the pod mounts the ConfigMap %s, which nothing creates", v.ConfigMap.Name)
		}
	}
}

// OLM's console suggests the namespace of config/default.
func TestWiring_TheSuggestedNamespaceIsThatOfTheManifests(t *testing.T) {
	csv := &unstructured.Unstructured{}
	raw, err := os.ReadFile(filepath.Join(repository, "config", "manifests", "bases", "credential-rotation-operator.clusterserviceversion.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(raw, &csv.Object); err != nil {
		t.Fatal(err)
	}
	suggested, want := &corev1.Namespace{}, &corev1.Namespace{}
	if err := yaml.UnmarshalStrict([]byte(csv.GetAnnotations()["operatorframework.io/suggested-namespace-template"]), suggested); err != nil {
		t.Fatal(err)
	}
	if raw, err = os.ReadFile(filepath.Join(repository, "config", "default", "namespace.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(raw, want); err != nil {
		t.Fatal(err)
	}
	delete(want.Labels, "app.kubernetes.io/name") // the label of the manifests' objects
	if suggested.Name != want.Name || csv.GetAnnotations()["operatorframework.io/suggested-namespace"] != want.Name ||
		!labels.Equals(suggested.Labels, want.Labels) || !labels.Equals(suggested.Annotations, want.Annotations) {
		t.Errorf("suggested is %s with %v and %v;\nthe manifests have %s with %v and %v",
			suggested.Name, suggested.Labels, suggested.Annotations, want.Name, want.Labels, want.Annotations)
	}
	if want.Labels["openshift.io/cluster-monitoring"] != "true" {
		t.Error("the cluster's Prometheus does not monitor the namespace")
	}
}
