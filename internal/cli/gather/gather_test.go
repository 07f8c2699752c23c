package gather

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	metadatafake "k8s.io/client-go/metadata/fake"
	"k8s.io/client-go/rest"
	clienttesting "k8s.io/client-go/testing"
)

// canary lies wherever somebody could have put a credential.
const canary = "CANARYxyz0123456789"

const home = "somewhere"

func unstructuredObject(apiVersion, kind, namespace, name string, more map[string]any) *unstructured.Unstructured {
	metadata := map[string]any{"name": name, "annotations": map[string]any{lastApplied: `{"spec":{"password":"` + canary + `"}}`}}
	if namespace != "" {
		metadata["namespace"] = namespace
	}
	object := map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": metadata}
	for key, value := range more {
		object[key] = value
	}
	return &unstructured.Unstructured{Object: object}
}

// collected runs a collection in a cluster with the operator, and gives the files by their name.
func collected(t *testing.T, change func(*gatherer)) map[string]string {
	t.Helper()
	g := world(t)
	if change != nil {
		change(g)
	}
	if err := g.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	err := filepath.WalkDir(g.folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		name, _ := filepath.Rel(g.folder, path)
		files[filepath.ToSlash(name)] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if strings.Contains(content, canary) {
			t.Errorf("%s has the canary:\n%s", name, content)
		}
	}
	return files
}

func world(t *testing.T) *gatherer {
	t.Helper()
	lists := map[schema.GroupVersionResource]string{}
	for _, kinds := range [][]kind{ofTheCluster, ofItsNamespace} {
		for _, k := range kinds {
			lists[k.gvr()] = strings.ToUpper(k.resource[:1]) + k.resource[1:] + "List"
		}
	}
	objects := []runtime.Object{
		unstructuredObject(ownGroup+"/v1alpha1", "Pullsecretrotation", "", "quarterly", map[string]any{
			"spec":   map[string]any{"targets": []any{map[string]any{"namespace": "hub", "name": "copy"}}},
			"status": map[string]any{"conditions": []any{map[string]any{"type": "Ready", "message": "it is so"}}},
		}),
		unstructuredObject(ownGroup+"/v1alpha1", "Capcredentialset", "", "c2s", map[string]any{
			"status": map[string]any{
				"secrets": []any{map[string]any{"namespace": "openshift-ingress", "name": "cloud-credentials"}, map[string]any{"namespace": "gone", "name": "gone"}},
				// These name no Secret.
				"restarts": []any{map[string]any{"kind": "Deployment", "namespace": "openshift-ingress", "name": "router"}, map[string]any{"namespace": "x"}, map[string]any{"name": "x"}},
			},
		}),
		unstructuredObject("config.openshift.io/v1", "Proxie", "", "cluster", map[string]any{"spec": map[string]any{"httpsProxy": "http://user:" + canary + "@proxy.example.com:3128"}}),
		unstructuredObject("apps/v1", "Deployment", home, product, nil),
		unstructuredObject("v1", "Service", home, "metrics", nil),
	}
	for _, o := range objects {
		o.(*unstructured.Unstructured).SetLabels(map[string]string{"app.kubernetes.io/name": product})
	}
	labels := map[string]string{"app.kubernetes.io/name": product}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: home, Name: "pod-1", Labels: labels, Annotations: map[string]string{lastApplied: canary}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "manager", Env: []corev1.EnvVar{
			{Name: "HTTPS_PROXY", Value: "http://u:" + canary + "@p:1"}}}}},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "manager", RestartCount: 1}}},
	}
	event := func(namespace, apiVersion, message string) *corev1.Event {
		return &corev1.Event{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: message[:4]}, Reason: "Because", Message: message,
			InvolvedObject: corev1.ObjectReference{APIVersion: apiVersion, Kind: "Kind", Name: "n"}}
	}
	metadataScheme := metadatafake.NewTestScheme()
	if err := metav1.AddMetaToScheme(metadataScheme); err != nil {
		t.Fatal(err)
	}
	secret := func(namespace, name string) *metav1.PartialObjectMetadata {
		return &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name,
			Annotations:   map[string]string{lastApplied: `{"data":{"k":"` + canary + `"}}`, "somebody.example.com/note": canary, ownGroup + "/role": "R"},
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl-edit", Operation: metav1.ManagedFieldsOperationUpdate}}}}
	}
	return &gatherer{
		objects: dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists, objects...),
		secrets: metadatafake.NewSimpleMetadataClient(metadataScheme, secret("openshift-config", "pull-secret"), secret("hub", "copy"), secret("openshift-ingress", "cloud-credentials")),
		pods: fake.NewClientset(pod, &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: home, Name: product, Labels: labels}},
			event("default", ownGroup+"/v1alpha1", "ours is told"), event("default", "v1", "theirs is not"), event(home, "v1", "here is all told, with Bearer "+canary)),
		log: func(_ context.Context, _, _ string, o *corev1.PodLogOptions) (io.ReadCloser, error) {
			line := "a line"
			if o.Previous {
				line = "a line of before, password=" + canary
			}
			return io.NopCloser(strings.NewReader(line)), nil
		},
		metrics: func(context.Context, *corev1.Pod) ([]byte, error) { return []byte("up 1\n"), nil },
		folder:  t.TempDir(),
	}
}

func TestGather_HasWhatASupportCaseNeedsAndNoSecret(t *testing.T) {
	files := collected(t, nil)
	const folder = "namespaces/" + home
	for name, want := range map[string]string{
		"version": product,
		"cluster-scoped-resources/rotation.openshift.io/pullsecretrotations/quarterly.yaml": "it is so",
		"cluster-scoped-resources/rotation.openshift.io/capcredentialsets/c2s.yaml":         "cloud-credentials",
		"cluster-scoped-resources/config.openshift.io/proxies/cluster.yaml":                 "http://REDACTED@proxy.example.com:3128",
		"namespaces/openshift-config/secrets-metadata/pull-secret.yaml":                     "kubectl-edit",
		"namespaces/openshift-ingress/secrets-metadata/cloud-credentials.yaml":              ownGroup + "/role: R",
		"namespaces/hub/secrets-metadata/copy.yaml":                                         "somebody.example.com/note: (not shown)",
		folder + "/apps/deployments/" + product + ".yaml":                                   "kind: Deployment",
		folder + "/core/services/metrics.yaml":                                              "kind: Service",
		folder + "/pods/pod-1/pod-1.yaml":                                                   "http://REDACTED@p:1",
		folder + "/pods/pod-1/manager.log":                                                  "a line",
		folder + "/pods/pod-1/manager.previous.log":                                         "of before",
		folder + "/pods/pod-1/metrics.txt":                                                  "up 1",
		folder + "/events.txt":                                                              "here is all told",
		"namespaces/default/events.txt":                                                     "ours is told",
		"not-gathered.txt":                                                                  "Secret gone/gone: there is none",
	} {
		if content, ok := files[name]; !ok || !strings.Contains(content, want) {
			t.Errorf("%s has no %q:\n%s", name, want, content)
		}
	}
	if strings.Contains(files["namespaces/default/events.txt"], "theirs") {
		t.Error("the events of others are told")
	}
	if strings.Contains(files["cluster-scoped-resources/rotation.openshift.io/pullsecretrotations/quarterly.yaml"], lastApplied) {
		t.Error("an object has a copy of itself")
	}
	if missing := files["not-gathered.txt"]; missing != "Secret gone/gone: there is none\n" {
		t.Errorf("this was not gathered:\n%s", missing)
	}
}

func TestGather_AsksForWhatItKnowsByNameByItsName(t *testing.T) {
	var names []string
	collected(t, func(g *gatherer) {
		g.objects.(*dynamicfake.FakeDynamicClient).PrependReactor("list", "customresourcedefinitions", func(a clienttesting.Action) (bool, runtime.Object, error) {
			names = append(names, a.(clienttesting.ListAction).GetListRestrictions().Fields.String())
			return false, nil, nil
		})
	})
	if want := []string{"metadata.name=pullsecretrotations." + ownGroup, "metadata.name=capcredentialsets." + ownGroup}; !slices.Equal(names, want) {
		t.Errorf("it asked for %q, want %q", names, want)
	}
}

func TestGather_HasThePreviousLogOfAContainerThatWasRestarted(t *testing.T) {
	files := collected(t, func(g *gatherer) {
		pods := g.pods.CoreV1().Pods(home)
		pod, _ := pods.Get(t.Context(), "pod-1", metav1.GetOptions{})
		pod.Spec.Containers = []corev1.Container{{Name: "restarted"}, {Name: "quiet"}}
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "restarted", RestartCount: 1}, {Name: "quiet"}}
		if _, err := pods.Update(t.Context(), pod, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	})
	const folder = "namespaces/" + home + "/pods/pod-1/"
	for name, want := range map[string]bool{"restarted.log": true, "quiet.log": true, "restarted.previous.log": true, "quiet.previous.log": false} {
		if _, got := files[folder+name]; got != want {
			t.Errorf("%s is there: %v, want %v", name, got, want)
		}
	}
}

func TestEventLine_HasTheTimeOfBothKindsOfEvents(t *testing.T) {
	at := time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC)
	for _, e := range []corev1.Event{{LastTimestamp: metav1.NewTime(at)}, {EventTime: metav1.NewMicroTime(at)}} {
		if line := eventLine(&e); !strings.HasPrefix(line, "2026-11-22T01:02:03Z ") {
			t.Errorf("an event is told as %q", line)
		}
	}
}

func TestGather_NotesWhatItMayNotRead(t *testing.T) {
	files := collected(t, func(g *gatherer) {
		g.objects.(*dynamicfake.FakeDynamicClient).PrependReactor("list", "proxies", func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "proxies"}, "", nil)
		})
		g.objects.(*dynamicfake.FakeDynamicClient).PrependReactor("list", "clusterextensions", func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewNotFound(schema.GroupResource{Resource: "clusterextensions"}, "")
		})
		g.log = func(context.Context, string, string, *corev1.PodLogOptions) (io.ReadCloser, error) {
			return nil, errors.New("the kubelet is away")
		}
		g.metrics = nil
		g.secrets.(*metadatafake.FakeMetadataClient).PrependReactor("get", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "", nil)
		})
		g.pods.(*fake.Clientset).PrependReactor("list", "events", func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "events"}, "", nil)
		})
	})
	for _, want := range []string{
		"proxies.config.openshift.io: ", "the log pod-1/manager.log: the kubelet is away", "the metrics of pod-1: ", "Secret hub/copy: ", "the events in " + home + ": ",
	} {
		if !strings.Contains(files["not-gathered.txt"], want) {
			t.Errorf("%q is not told:\n%s", want, files["not-gathered.txt"])
		}
	}
	if strings.Contains(files["not-gathered.txt"], "clusterextensions") {
		t.Error("a kind that the cluster does not have is told as if something were missing")
	}
	if lines := strings.Split(strings.TrimSpace(files["not-gathered.txt"]), "\n"); !slices.IsSorted(lines) {
		t.Errorf("what is missing is not in order: %q", lines)
	}
}

func TestGather_NotesThatItFindsNoOperator(t *testing.T) {
	refuse := func(resource string) func(*gatherer) {
		return func(g *gatherer) {
			g.pods.(*fake.Clientset).PrependReactor("list", resource, func(clienttesting.Action) (bool, runtime.Object, error) {
				return true, nil, errors.New("not today")
			})
		}
	}
	for _, c := range []struct {
		change func(*gatherer)
		want   string
	}{
		{refuse("deployments"), "the Deployment of the operator: not today"},
		{refuse("pods"), "the pods in " + home + ": not today"},
		{func(g *gatherer) { g.pods = fake.NewClientset() }, "the Deployment of the operator: there is none"},
	} {
		if files := collected(t, c.change); !strings.Contains(files["not-gathered.txt"], c.want+"\n") {
			t.Errorf("%q is not told:\n%s", c.want, files["not-gathered.txt"])
		}
	}
}

func TestGather_KeepsWhatItHasOfALogAndMetricsThatBreakOff(t *testing.T) {
	files := collected(t, func(g *gatherer) {
		g.log = func(context.Context, string, string, *corev1.PodLogOptions) (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader("a line"), iotest.ErrReader(errors.New("cut")))), nil
		}
		g.metrics = func(context.Context, *corev1.Pod) ([]byte, error) { return nil, errors.New("no answer") }
	})
	if got := files["namespaces/"+home+"/pods/pod-1/manager.log"]; got != "a line" {
		t.Errorf("the log is %q", got)
	}
	for _, want := range []string{"the end of the log pod-1/manager.log: cut", "the metrics of pod-1: no answer"} {
		if !strings.Contains(files["not-gathered.txt"], want) {
			t.Errorf("%q is not told:\n%s", want, files["not-gathered.txt"])
		}
	}
}

func TestGather_FailsWhereItCannotWrite(t *testing.T) {
	for _, blocked := range []string{"version", "cluster-scoped-resources", "namespaces/" + home + "/pods", "namespaces/default", "namespaces/hub", "not-gathered.txt"} {
		g := world(t)
		path := filepath.Join(g.folder, filepath.FromSlash(blocked))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("nowhere/at/all", path); err != nil {
			t.Fatal(err)
		}
		if err := g.run(t.Context()); err == nil {
			t.Errorf("%s cannot be written, and nobody is told", blocked)
		}
	}
}

// cluster answers like an API server of which nothing can be read but the operator's pod.
func cluster(t *testing.T) *rest.Config {
	t.Helper()
	of := metav1.ObjectMeta{Namespace: home, Name: "pod-1"}
	answers := map[string]any{
		"/apis/apps/v1/deployments":                      appsv1.DeploymentList{Items: []appsv1.Deployment{{ObjectMeta: of}}},
		"/api/v1/namespaces/" + home + "/pods":           corev1.PodList{Items: []corev1.Pod{{ObjectMeta: of, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "manager"}}}}}},
		"/api/v1/namespaces/" + home + "/pods/pod-1/log": "a line",
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(server.Close)
	return &rest.Config{Host: server.URL, QPS: -1}
}

func TestCommand_GathersFromTheClusterThatIsNamedAndSaysWhereItIs(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "version")
	for _, c := range []struct {
		config  *rest.Config
		problem error
		folder  string
		want    string // of the error
	}{
		{config: cluster(t), folder: folder},
		{config: cluster(t), folder: file, want: "not a directory"},
		{config: &rest.Config{Host: "https://a b"}, folder: folder, want: "host must be a URL"},
		{problem: errors.New("no such context"), folder: folder, want: "no such context"},
	} {
		cmd := NewCommand(func(kubeconfig, context string) (*rest.Config, error) {
			if kubeconfig != "a file" || context != "a context" {
				t.Errorf("the cluster is that of %q in %q", context, kubeconfig)
			}
			return c.config, c.problem
		})
		var out strings.Builder
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		cmd.SetOut(&out)
		cmd.SetArgs([]string{"--kubeconfig", "a file", "--context", "a context", "--dest-dir", c.folder})
		err := cmd.ExecuteContext(t.Context())
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, want one with %q", err, c.want)
			}
			continue
		}
		// The version, the pod and its log, and what is missing: both of our kinds, the one Secret that each cluster has, events twice, and metrics.
		if want := "4 files are in " + folder + "; 6 things could not be read\n"; err != nil || out.String() != want {
			t.Errorf("it said %q, %v, want %q", out.String(), err, want)
		}
		if raw, err := os.ReadFile(filepath.Join(folder, "namespaces", home, "pods", "pod-1", "manager.log")); err != nil || !strings.Contains(string(raw), "a line") {
			t.Errorf("the log is %q, %v", raw, err)
		}
	}
}

func TestDefaultFolder_IsMustGathersWhereThatIs(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]string{folder: folder, file: "must-gather", filepath.Join(folder, "none"): "must-gather"} {
		if got := defaultFolder(at); got != want {
			t.Errorf("where %s is it writes to %s", at, got)
		}
	}
}

func TestGather_RefusesASecret(t *testing.T) {
	g := &gatherer{folder: t.TempDir()}
	err := g.object(kind{resource: "secrets", version: "v1"}, unstructuredObject("v1", "Secret", home, "s", map[string]any{"data": map[string]any{"k": canary}}))
	if err == nil || g.files != 0 {
		t.Errorf("a Secret was written (%v)", err)
	}
}

func TestRedact_TakesAwayWhatHasTheFormOfACredential(t *testing.T) {
	for _, secret := range []string{
		"https://u:" + canary + "@proxy", "https://" + canary + "@proxy", `"auth":"` + canary + `"`, `\"auth\": \"` + canary + `\"`, "password: " + canary, "client_secret=" + canary,
		"aws_secret_access_key = " + canary, "AWS_SESSION_TOKEN=" + canary, "secretAccessKey: " + canary, "Authorization: Bearer " + canary,
		"-----BEGIN RSA PRIVATE KEY-----\n" + canary + "\n-----END RSA PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\n" + canary, "eyJhbGciOiJS." + canary + ".sig", "refresh-token: " + canary,
	} {
		if got := redact("before " + secret + " after"); strings.Contains(got, canary) || !strings.HasPrefix(got, "before ") {
			t.Errorf("%q became %q", secret, got)
		}
	}
	for _, key := range []string{"AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"} {
		if redact(key) == key {
			t.Errorf("%s is shown", key)
		}
	}
	for _, harmless := range []string{
		"credentialsSecretRef:\n  name: ocm", "https://api.openshift.com/api/x", "reason: CredentialsExpired", "username: me@example.com", "author: you", "Basic checks passed",
		"Secret openshift-config/pull-secret", "requestedAt: 2026-11-22T00:00:00Z",
	} {
		if got := redact(harmless); got != harmless {
			t.Errorf("%q became %q", harmless, got)
		}
	}
}

func TestMetrics_AreAskedOfTheOperatorAloneWithTheToken(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer token" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		io.WriteString(w, "up 1\n")
	}))
	defer server.Close()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	address := server.Listener.Addr().String()
	if got, err := readMetrics(t.Context(), address, "example.com", "token", pool); err != nil || string(got) != "up 1\n" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := readMetrics(t.Context(), address, "example.com", "other", pool); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("a refusal is %v", err)
	}
	if _, err := readMetrics(t.Context(), address, "somebody-else.svc", "token", pool); err == nil {
		t.Error("the token went to somebody else")
	}
}

func TestMetrics_AreReadOnlyWithTheAuthorityOfServicesAndTheTokenOfAPod(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	folder := t.TempDir()
	authority, broken, token := filepath.Join(folder, "ca"), filepath.Join(folder, "broken"), filepath.Join(folder, "token")
	for path, content := range map[string][]byte{
		authority: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), broken: []byte("none"), token: []byte("token"),
	} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range [][2]string{{filepath.Join(folder, "away"), token}, {broken, token}, {authority, ""}} {
		if metricsReader(c[0], c[1]) != nil {
			t.Errorf("metrics can be read with %q", c)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	for path, want := range map[string]error{filepath.Join(folder, "away"): fs.ErrNotExist, token: context.Canceled} {
		if _, err := metricsReader(authority, path)(ended, &corev1.Pod{Status: corev1.PodStatus{PodIP: "127.0.0.1"}}); !errors.Is(err, want) {
			t.Errorf("with the token of %s the error is %v, want %v", path, err, want)
		}
	}
}
