package gather

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"
)

// logLimit limits the log of one container: the newest lines matter most, and support cases limit the size of attachments.
const logLimit = 20 << 20

// namespaces are those with a Deployment of the operator: any namespace will do for it.
func (g *gatherer) namespaces(ctx context.Context) ([]string, error) {
	list, err := g.pods.AppsV1().Deployments(metav1.NamespaceAll).List(ctx, metav1.ListOptions{LabelSelector: labelled})
	if err != nil {
		g.miss("the Deployment of the operator", err)
		return nil, ctx.Err()
	}
	var all []string
	for i := range list.Items {
		if namespace := list.Items[i].Namespace; !slices.Contains(all, namespace) {
			all = append(all, namespace)
		}
	}
	if len(all) == 0 {
		g.miss("the Deployment of the operator", errNotThere)
	}
	return all, nil
}

// namespace collects what runs in a namespace of the operator.
func (g *gatherer) namespace(ctx context.Context, namespace string) error {
	for _, k := range ofItsNamespace {
		if _, err := g.list(ctx, k, namespace); err != nil {
			return err
		}
	}
	pods, err := g.pods.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: labelled})
	if err != nil {
		g.miss("the pods in "+namespace, err)
		return ctx.Err()
	}
	for i := range pods.Items {
		if err := g.pod(ctx, &pods.Items[i]); err != nil {
			return err
		}
	}
	return nil
}

func (g *gatherer) pod(ctx context.Context, pod *corev1.Pod) error {
	folder := path.Join("namespaces", pod.Namespace, "pods", pod.Name)
	pod.Annotations = withoutLastApplied(pod.Annotations)
	raw, err := yaml.Marshal(pod)
	if err != nil {
		return err
	}
	if err := g.write(path.Join(folder, pod.Name+".yaml"), raw); err != nil {
		return err
	}
	for i := range pod.Spec.Containers {
		for _, previous := range []bool{false, true} {
			if err := g.containerLog(ctx, pod, pod.Spec.Containers[i].Name, previous, folder); err != nil {
				return err
			}
		}
	}
	if g.metrics == nil {
		g.miss("the metrics of "+pod.Name, errNoMetrics)
		return nil
	}
	metrics, err := g.metrics(ctx, pod)
	if err != nil {
		g.miss("the metrics of "+pod.Name, err)
		return ctx.Err()
	}
	return g.write(path.Join(folder, "metrics.txt"), metrics)
}

func (g *gatherer) containerLog(ctx context.Context, pod *corev1.Pod, container string, previous bool, folder string) error {
	name := container + ".log"
	if previous {
		if !restarted(pod, container) {
			return nil
		}
		name = container + ".previous.log"
	}
	stream, err := g.log(ctx, pod.Namespace, pod.Name, &corev1.PodLogOptions{
		Container: container, Previous: previous, Timestamps: true, LimitBytes: ptr.To[int64](logLimit),
	})
	if err != nil {
		g.miss("the log "+pod.Name+"/"+name, err)
		return ctx.Err()
	}
	defer stream.Close()
	raw, err := io.ReadAll(stream)
	if err != nil {
		g.miss("the end of the log "+pod.Name+"/"+name, err)
	}
	return g.write(path.Join(folder, name), raw)
}

func restarted(pod *corev1.Pod, container string) bool {
	return slices.ContainsFunc(pod.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool { return s.Name == container && s.RestartCount > 0 })
}

// events collects the events in the namespaces, and those about our kinds, which are in the namespace default.
func (g *gatherer) events(ctx context.Context, namespaces []string) error {
	for _, namespace := range append(slices.Clone(namespaces), metav1.NamespaceDefault) {
		list, err := g.pods.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			g.miss("the events in "+namespace, err)
			continue
		}
		var out []byte
		for i := range list.Items {
			if e := &list.Items[i]; slices.Contains(namespaces, namespace) || aboutOurs(e) {
				out = append(out, eventLine(e)...)
			}
		}
		if err := g.write(path.Join("namespaces", namespace, "events.txt"), out); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func aboutOurs(e *corev1.Event) bool {
	return strings.HasPrefix(e.InvolvedObject.APIVersion, ownGroup+"/")
}

func eventLine(e *corev1.Event) string {
	at := e.LastTimestamp.Time
	if at.IsZero() {
		at = e.EventTime.Time
	}
	return fmt.Sprintf("%s %s %s %s/%s (%d): %s\n", at.UTC().Format("2006-01-02T15:04:05Z"), e.Type, e.Reason, e.InvolvedObject.Kind, e.InvolvedObject.Name, e.Count, e.Message)
}

var errNoMetrics = errors.New("they can be read only inside the cluster: run this command in a pod of a cluster with OpenShift's service CA")
