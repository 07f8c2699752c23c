package harness

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
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

// shownOfCanary is how much of a canary an error shows: enough to identify it.
const shownOfCanary = 4

// minCanary is the minimum length, so that a value is not found by chance: six random characters have 70 thousand million values.
const minCanary = 6

// Canaries are secret values by their description, such as "the client secret". They must appear only in Secrets.
type Canaries map[string]string

// Find returns the canaries in a text, in clear or in an encoding that a program may have used.
func (c Canaries) Find(where, text string) []string {
	var found []string
	folded := strings.ToLower(text)
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
		// Parts of a key in DER are the same in all keys and certificates.
		if !strings.HasPrefix(value, "MI") && partOf(folded, strings.ToLower(value)) {
			found = append(found, fmt.Sprintf("a part of %s (%s...) is in %s", what, value[:min(len(value), shownOfCanary)], where))
		}
	}
	slices.Sort(found)
	return found
}

// partLength is how many consecutive characters of a canary cannot be a coincidence.
const partLength = 12

// partOf is true if a text contains a part of a value. It first searches for every other piece of half that length, because a text is searched a
// few hundred times, mostly without a match.
func partOf(text, value string) bool {
	const piece = partLength / 2
	for at := 0; at+piece <= len(value); at += piece {
		for from := 0; ; {
			i := strings.Index(text[from:], value[at:at+piece])
			if i < 0 {
				break
			}
			begin, end := from+i, from+i+piece
			left, right := at, at+piece
			for left > 0 && begin > 0 && value[left-1] == text[begin-1] {
				left, begin = left-1, begin-1
			}
			for right < len(value) && end < len(text) && value[right] == text[end] {
				right, end = right+1, end+1
			}
			if right-left >= partLength {
				return true
			}
			from += i + 1
		}
	}
	return false
}

// forms are the encodings of a value.
func forms(value string) map[string]string {
	f := map[string]string{
		"clear text":  value,
		"hexadecimal": hex.EncodeToString([]byte(value)),
		"HEXADECIMAL": strings.ToUpper(hex.EncodeToString([]byte(value))),
		// How %v prints a Secret's data.
		"decimal bytes": strings.Trim(fmt.Sprint([]byte(value)), "[]"),
		// A value that was already in base64, in a Secret.
		"base64 of base64": base64.RawStdEncoding.EncodeToString([]byte(strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(value)), "="))[:len(value)/3*4/3*3]),
	}
	if escaped := url.QueryEscape(value); escaped != value {
		f["URL encoding"] = escaped
	}
	if quoted, err := json.Marshal(value); err == nil && string(quoted) != `"`+value+`"` {
		f["JSON"] = strings.Trim(string(quoted), `"`)
	}
	// A logged request body is a dump in groups of eight bytes, at an unknown offset.
	for offset := range 8 {
		if group := value[min(offset, len(value)):]; len(group) >= 8 {
			f[fmt.Sprintf("hex dump, offset %d", offset)] = fmt.Sprintf("% x", group[:8])
		}
	}
	// Inside a longer text, such as user:password, base64 depends on the value's offset in a group of three bytes.
	// Its first and last characters also depend on the neighbours, so they are left out.
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

// Scan looks for canaries in everything except the content of Secrets: our objects, events, Leases, ConfigMaps and the metadata
// of Secrets; and in the given texts by source, such as the log and the metrics.
func (c Canaries) Scan(ctx context.Context, k client.Client, texts map[string]string) ([]string, error) {
	all := map[string]string{}
	maps.Copy(all, texts)
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
			all[fmt.Sprintf("%T %s/%s", o, accessor.GetNamespace(), accessor.GetName())] = string(text)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return c.findIn(all), nil
}

// findIn looks through all texts at once, because almost always there is nothing, and names the text when there is something.
func (c Canaries) findIn(texts map[string]string) []string {
	if len(c.Find("", strings.Join(slices.Collect(maps.Values(texts)), "\n"))) == 0 {
		return nil
	}
	var found []string
	for where, text := range texts {
		found = append(found, c.Find(where, text)...)
	}
	slices.Sort(found)
	return found
}
