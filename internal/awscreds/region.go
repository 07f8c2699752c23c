package awscreds

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// The SDK resolves the endpoints of every partition offline, and treats an unknown region as one of the commercial partition: us-isog-east-1
// would become sts.us-isog-east-1.amazonaws.com, and a session token would be sent out of the air-gapped network. So an endpoint under
// amazonaws.com counts only for a region named like a commercial, GovCloud or Chinese one.
var amazonawsRegions = regexp.MustCompile(`^((us|eu|ap|sa|ca|me|af|il|mx)|us-gov|cn)-(north|south|east|west|central|northeast|northwest|southeast|southwest)-[0-9]+$`)

// STSEndpoint is the URL of STS in a region, such as https://sts.us-iso-east-1.c2s.ic.gov. It fails for a region whose endpoint the SDK would
// only guess; such a region needs an explicit endpoint.
func STSEndpoint(ctx context.Context, region string) (string, error) {
	if region == "" {
		return "", fmt.Errorf("no region is known for STS")
	}
	resolved, err := sts.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, sts.EndpointParameters{Region: aws.String(region)})
	if err != nil {
		return "", fmt.Errorf("region %q has no known STS endpoint", region)
	}
	host := resolved.URI.Hostname()
	guessed := strings.HasSuffix(host, ".amazonaws.com") || strings.HasSuffix(host, ".amazonaws.com.cn")
	if guessed && !amazonawsRegions.MatchString(region) {
		return "", fmt.Errorf("region %q belongs to no known partition, so its STS endpoint must be given", region)
	}
	return resolved.URI.String(), nil
}

// checkedEndpoint returns the given endpoint, or else that of the region. Only https is accepted: the request carries a session token.
func checkedEndpoint(ctx context.Context, region, endpoint string) (string, error) {
	if endpoint == "" {
		return STSEndpoint(ctx, region)
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("the STS endpoint must be an https URL without user, query and fragment")
	}
	if region == "" {
		return "", fmt.Errorf("no region is known for STS: requests are signed for a region, even with a custom endpoint")
	}
	return endpoint, nil
}
