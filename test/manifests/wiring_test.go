package manifests

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/openshift/credential-rotation-operator/controllers/manager"
)

// The manifests name each other: a name that leads nowhere is no error of anybody's, only something that never works.

func metricsService(t *testing.T) *corev1.Service {
	t.Helper()
	s := &corev1.Service{}
	if err := server.admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "credential-rotation-operator-metrics"}, s); err != nil {
		t.Fatal(err)
	}
	return s
}

// defaultPort is that of an address flag of the manager, which the Deployment does not set.
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

func TestWiring_ProbesAskWhereTheManagerAnswers(t *testing.T) {
	d := deployment(t)
	c := d.Spec.Template.Spec.Containers[0]
	for want, probe := range map[string]*corev1.Probe{"/healthz": c.LivenessProbe, "/readyz": c.ReadinessProbe} {
		if probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Path != want {
			t.Errorf("no probe asks %s: %v", want, probe)
			continue
		}
		if got, want := portNamed(d, probe.HTTPGet.Port.StrVal), defaultPort(t, d, "health-probe-bind-address"); got != want {
			t.Errorf("%s is asked at port %s, and the manager answers at %s", probe.HTTPGet.Path, got.String(), want.String())
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
		t.Errorf("the Service leads to port %s, and the manager serves metrics at %s", got.String(), want.String())
	}
	secret := service.Annotations["service.beta.openshift.io/serving-cert-secret-name"]
	dir, _ := mounted(d, func(v corev1.Volume) bool { return v.Secret != nil && v.Secret.SecretName == secret })
	if arg := "--metrics-cert-dir=" + dir; !slices.Contains(d.Spec.Template.Spec.Containers[0].Args, arg) {
		t.Errorf("the certificate of the service CA, Secret %s, is mounted at %q, and there is no argument %s", secret, dir, arg)
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
		t.Errorf("the ServiceMonitor wants port %s of Services with %v; the Service has %s and %v", e.Port, monitor.Spec.Selector.MatchLabels, port.Name, service.Labels)
	}
	if name := service.Name + "." + service.Namespace + ".svc"; e.TLSConfig.ServerName != name || e.Scheme != "https" || e.Path != "/metrics" {
		t.Errorf("Prometheus asks %s %s for %q; the certificate is for %s", e.Scheme, e.Path, e.TLSConfig.ServerName, name)
	}
	// Without a jobLabel, the job is called like the Service.
	for _, a := range alerts(t) {
		for _, m := range regexp.MustCompile(`up\{namespace="([^"]*)", job="([^"]*)"\}`).FindAllStringSubmatch(a.Expr, -1) {
			if m[1] != service.Namespace || m[2] != service.Name {
				t.Errorf("%s looks at job %s in %s, and Prometheus calls it %s in %s", a.Alert, m[2], m[1], service.Name, service.Namespace)
			}
		}
	}
}

func TestWiring_TheTrustBundleIsWhereTheOperatorLooks(t *testing.T) {
	d := deployment(t)
	var bundle corev1.ConfigMapList
	if err := server.admin.List(t.Context(), &bundle, client.InNamespace(namespace), client.MatchingLabels{"config.openshift.io/inject-trusted-cabundle": "true"}); err != nil {
		t.Fatal(err)
	}
	if len(bundle.Items) != 1 {
		t.Fatalf("%d ConfigMaps ask for the trust bundle, want one", len(bundle.Items))
	}
	dir, v := mounted(d, func(v corev1.Volume) bool { return v.ConfigMap != nil && v.ConfigMap.Name == bundle.Items[0].Name })
	for _, env := range d.Spec.Template.Spec.Containers[0].Env {
		if want := path.Join(dir, "ca-bundle.crt"); env.Name == "SSL_CERT_FILE" && env.Value != want {
			t.Errorf("SSL_CERT_FILE is %s, and the bundle is at %s", env.Value, want)
		}
	}
	if v.ConfigMap == nil || v.ConfigMap.Optional == nil || !*v.ConfigMap.Optional {
		t.Errorf("without the bundle, where there is no OpenShift, the pod would not start: %+v", v)
	}
}

// What OLM's console suggests for the namespace is what config/default makes.
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
	delete(want.Labels, "app.kubernetes.io/name") // the label of what the manifests make
	if suggested.Name != want.Name || csv.GetAnnotations()["operatorframework.io/suggested-namespace"] != want.Name ||
		!labels.Equals(suggested.Labels, want.Labels) || !labels.Equals(suggested.Annotations, want.Annotations) {
		t.Errorf("suggested is %s with %v and %v;\nthe manifests make %s with %v and %v",
			suggested.Name, suggested.Labels, suggested.Annotations, want.Name, want.Labels, want.Annotations)
	}
	if want.Labels["openshift.io/cluster-monitoring"] != "true" {
		t.Error("the cluster's Prometheus does not look into the namespace")
	}
}
