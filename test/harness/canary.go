package harness

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// shownOfCanary is how much of a canary a finding shows: enough to tell which one it is.
const shownOfCanary = 4

// minCanary is the shortest value that is not found by chance: six random characters are one of 70 thousand million.
const minCanary = 6

// Canaries are secret values by what they are, such as "the client secret". None of them may be found anywhere but in Secrets.
type Canaries map[string]string

// Find returns what of the canaries a text has in it, in clear or in a form in which a program may have put it there.
func (c Canaries) Find(where, text string) []string {
	var found []string
	for what, value := range c {
		if len(value) < minCanary {
			found = append(found, fmt.Sprintf("%s has %d characters, too few to look for", what, len(value)))
			continue
		}
		for form, needle := range forms(value) {
			if strings.Contains(text, needle) {
				found = append(found, fmt.Sprintf("%s (%s...) is in %s as %s", what, value[:min(len(value), shownOfCanary)], where, form))
			}
		}
	}
	slices.Sort(found)
	return found
}

// forms are the ways in which a value may be written.
func forms(value string) map[string]string {
	f := map[string]string{
		"clear text":  value,
		"hexadecimal": hex.EncodeToString([]byte(value)),
	}
	if escaped := url.QueryEscape(value); escaped != value {
		f["URL encoding"] = escaped
	}
	if quoted, err := json.Marshal(value); err == nil && string(quoted) != `"`+value+`"` {
		f["JSON"] = strings.Trim(string(quoted), `"`)
	}
	// The log of a request's body is a dump with eight bytes to a group, at an unknown offset.
	for offset := range 8 {
		if group := value[min(offset, len(value)):]; len(group) >= 8 {
			f[fmt.Sprintf("hex dump, offset %d", offset)] = fmt.Sprintf("% x", group[:8])
		}
	}
	// Inside something longer, such as user:password, base64 depends on where in a group of three bytes the value begins.
	// Its first and last characters then also depend on the neighbours, so they are left out.
	for offset := range 3 {
		padded := append(make([]byte, offset), value...)
		for name, encoding := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "URL-safe base64": base64.RawURLEncoding} {
			encoded := encoding.EncodeToString(padded)
			start := (offset*8 + 5) / 6
			end := len(padded) * 8 / 6
			f[fmt.Sprintf("%s, offset %d", name, offset)] = encoded[start:end]
		}
	}
	return f
}

// Scan looks for canaries in everything of the cluster that is not the content of a Secret: our objects, events, Leases,
// ConfigMaps and the metadata of Secrets; and in the texts, by where they come from, such as the log and the metrics.
func (c Canaries) Scan(ctx context.Context, k client.Client, texts map[string]string) ([]string, error) {
	var found []string
	for where, text := range texts {
		found = append(found, c.Find(where, text)...)
	}
	for _, list := range []client.ObjectList{
		&v1alpha1.PullSecretRotationList{}, &v1alpha1.CAPCredentialSetList{}, &corev1.EventList{}, &eventsv1.EventList{},
		&coordinationv1.LeaseList{}, &corev1.ConfigMapList{}, &corev1.SecretList{}, &corev1.NamespaceList{},
	} {
		if err := k.List(ctx, list); err != nil {
			return nil, fmt.Errorf("listing %T to look for canaries: %w", list, err)
		}
		err := meta.EachListItem(list, func(o runtime.Object) error {
			if secret, ok := o.(*corev1.Secret); ok {
				secret.Data = nil
			}
			text, err := json.Marshal(o)
			if err != nil {
				return err
			}
			accessor, err := meta.Accessor(o)
			if err != nil {
				return err
			}
			found = append(found, c.Find(fmt.Sprintf("%T %s/%s", o, accessor.GetNamespace(), accessor.GetName()), string(text))...)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(found)
	return found, nil
}
