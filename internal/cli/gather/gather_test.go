package gather

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
			"status": map[string]any{"secrets": []any{map[string]any{"namespace": "openshift-ingress", "name": "cloud-credentials"}, map[string]any{"namespace": "gone", "name": "gone"}}},
		}),
		unstructuredObject("config.openshift.io/v1", "Proxie", "", "cluster", map[string]any{"spec": map[string]any{"httpsProxy": "http://user:" + canary + "@proxy.example.com:3128"}}),
		unstructuredObject("apps/v1", "Deployment", home, product, nil),
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
	})
	for _, want := range []string{"proxies.config.openshift.io: ", "the log pod-1/manager.log: the kubelet is away", "the metrics of pod-1: "} {
		if !strings.Contains(files["not-gathered.txt"], want) {
			t.Errorf("%q is not told:\n%s", want, files["not-gathered.txt"])
		}
	}
	if strings.Contains(files["not-gathered.txt"], "clusterextensions") {
		t.Error("a kind that the cluster does not have is told as if something were missing")
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
