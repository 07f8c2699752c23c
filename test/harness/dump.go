package harness

import (
	"context"
	"fmt"
	"slices"
	"strings"

	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// Dump prints the state of the cluster after a failed test: our objects in full, Secrets only with key names and annotations, pools and events in
// one line each.
func Dump(ctx context.Context, c client.Client) string {
	var out strings.Builder
	section := func(title string, list client.ObjectList, show func()) {
		fmt.Fprintf(&out, "--- %s\n", title)
		if err := c.List(ctx, list); err != nil {
			fmt.Fprintf(&out, "cannot be listed: %v\n", err)
			return
		}
		show()
	}

	var rotations v1alpha1.PullSecretRotationList
	section("PullSecretRotations", &rotations, func() {
		for i := range rotations.Items {
			rotations.Items[i].ManagedFields = nil
			out.WriteString(asYAML(&rotations.Items[i]))
		}
	})
	var sets v1alpha1.CAPCredentialSetList
	section("CAPCredentialSets", &sets, func() {
		for i := range sets.Items {
			sets.Items[i].ManagedFields = nil
			out.WriteString(asYAML(&sets.Items[i]))
		}
	})
	var secrets corev1.SecretList
	section("Secrets (keys only)", &secrets, func() {
		for _, s := range secrets.Items {
			keys := make([]string, 0, len(s.Data))
			for k := range s.Data {
				keys = append(keys, k)
			}
			slices.Sort(keys)
			fmt.Fprintf(&out, "%s/%s %s rv %s keys %v annotations %v\n", s.Namespace, s.Name, s.Type, s.ResourceVersion, keys, s.Annotations)
		}
	})
	var pools machineconfigurationv1.MachineConfigPoolList
	section("MachineConfigPools", &pools, func() {
		for _, p := range pools.Items {
			fmt.Fprintf(&out, "%s wants %s has %s, %d of %d machines, paused %t\n", p.Name, p.Spec.Configuration.Name, p.Status.Configuration.Name,
				p.Status.UpdatedMachineCount, p.Status.MachineCount, p.Spec.Paused)
		}
	})
	var events eventsv1.EventList
	section("Events", &events, func() {
		for _, e := range events.Items {
			fmt.Fprintf(&out, "%s %s %s %s: %s\n", e.Type, e.Reason, e.Regarding.Kind, e.Regarding.Name, e.Note)
		}
	})
	return out.String()
}

func asYAML(o any) string {
	text, err := yaml.Marshal(o)
	if err != nil {
		return err.Error() + "\n"
	}
	return string(text)
}
