package capset

// Actions and views of users: commands from messages, granted rights, their own Secrets, events and metrics.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
)

// execute runs a command line as an administrator, with oc and the operator's own commands. kubectl stands for oc; it has the commands of the
// operator's messages.
func (w *world) execute(line string) string {
	w.t.Helper()
	if controlPlane.Kubectl == "" {
		w.t.Fatal("there is no kubectl beside kube-apiserver")
	}
	dir := w.t.TempDir()
	must(w.t, os.WriteFile(filepath.Join(dir, "kubeconfig"), controlPlane.AdminKubeconfig, 0o600))
	must(w.t, os.Symlink(controlPlane.Kubectl, filepath.Join(dir, "kubectl")))
	must(w.t, os.Symlink(controlPlane.Kubectl, filepath.Join(dir, "oc")))
	operator, err := harness.BuildOperator(w.t.Context())
	must(w.t, err)
	must(w.t, os.Symlink(operator, filepath.Join(dir, "credential-rotation-operator")))
	cmd := exec.CommandContext(w.t.Context(), "sh", "-c", line)
	cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "KUBECONFIG=" + filepath.Join(dir, "kubeconfig"), "HOME=" + dir}
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}

// command is the command that a message ends with.
func (w *world) command(message string) string {
	w.t.Helper()
	_, line, found := strings.Cut(message, "oc -n ")
	if !found {
		w.t.Fatalf("the message has no command: %s", message)
	}
	return "oc -n " + line
}

// grant grants the operator the rights to Secrets of a namespace, like the command in the message of Forbidden.
func (w *world) grant(namespace string, names ...string) {
	w.t.Helper()
	must(w.t, harness.CreateNamespace(w.t.Context(), w.client, namespace))
	meta := metav1.ObjectMeta{Namespace: namespace, Name: "granted-by-a-test"}
	must(w.t, harness.Ensure(w.t.Context(), w.client, &rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: names, Verbs: []string{"get", "list", "watch", "create", "patch"},
	}}}))
	must(w.t, harness.Ensure(w.t.Context(), w.client, &rbacv1.RoleBinding{
		ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: meta.Name},
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: w.installation.Namespace, Name: w.installation.ServiceAccount}},
	}))
}

// put creates a Secret as a user or another program.
func (w *world) put(namespace, name string, data map[string]string) *corev1.Secret {
	w.t.Helper()
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, StringData: data}
	must(w.t, harness.Ensure(w.t.Context(), w.client, s))
	return s
}

// rewrite changes an existing Secret with a program's field manager.
func (w *world) rewrite(namespace, name, program string, change func(*corev1.Secret)) {
	w.t.Helper()
	w.eventually("Secret "+namespace+"/"+name+" is rewritten", func(ctx context.Context) error {
		s := &corev1.Secret{}
		if err := w.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, s); err != nil {
			return err
		}
		change(s)
		return w.client.Update(ctx, s, client.FieldOwner(program))
	})
}

// has reports whether a Secret exists.
func (w *world) has(namespace, name string) bool {
	w.t.Helper()
	err := w.client.Get(w.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &corev1.Secret{})
	if err != nil && !apierrors.IsNotFound(err) {
		w.t.Fatal(err)
	}
	return err == nil
}

// events are the notes of the set's events with a reason.
func (w *world) events(ctx context.Context, reason string) ([]string, error) {
	list := &eventsv1.EventList{}
	err := w.client.List(ctx, list)
	var notes []string
	for _, e := range list.Items {
		if e.Regarding.Kind == "CAPCredentialSet" && e.Reason == reason {
			notes = append(notes, e.Type+": "+e.Note)
		}
	}
	return notes, err
}

// eventuallyEvent waits for an event of the set whose note has all parts.
func (w *world) eventuallyEvent(reason string, parts ...string) {
	w.t.Helper()
	w.eventually("the event "+reason, func(ctx context.Context) error {
		notes, err := w.events(ctx, reason)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(notes, func(note string) bool { return missing(note, parts...) == nil }) {
			return fmt.Errorf("there are %q, none with %q", notes, parts)
		}
		return nil
	})
}

// missing returns the parts that a text does not contain.
func missing(text string, parts ...string) error {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return fmt.Errorf("%q is not in: %s", part, text)
		}
	}
	return nil
}

// metric reads one metric of the running operator; labels are such as `reason="Fresh"`. An absent one is an error.
func (w *world) metric(ctx context.Context, name string, labels ...string) (float64, error) {
	text, err := w.operator.Metrics(ctx)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, name+"{") || missing(line, labels...) != nil {
			continue
		}
		fields := strings.Fields(line)
		return strconv.ParseFloat(fields[len(fields)-1], 64)
	}
	return 0, errors.New("no metric " + name + " with " + strings.Join(labels, ","))
}

// eventuallyMetric waits until a metric has a value.
func (w *world) eventuallyMetric(want float64, name string, labels ...string) {
	w.t.Helper()
	w.eventually(fmt.Sprintf("%s is %v", name, want), func(ctx context.Context) error {
		got, err := w.metric(ctx, name, labels...)
		if err == nil && got != want {
			err = fmt.Errorf("it is %v", got)
		}
		return err
	})
}

// ownSecretRef is a target of spec.secrets.
func ownSecretRef(namespace, name, role string) v1alpha1.SecretRole {
	return v1alpha1.SecretRole{SecretReference: v1alpha1.SecretReference{Namespace: namespace, Name: name}, Role: role}
}
