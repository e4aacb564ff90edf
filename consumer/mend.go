package consumer

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9"
	"github.com/segmentio/kafka-go"
)

// mended is an error with what whoever runs hotlead can do about it.
type mended struct {
	err  error
	mend string
}

func (m *mended) Error() string { return m.err.Error() + "; " + m.mend }
func (m *mended) Unwrap() error { return m.err }

// withMend adds a mend to an error that has none yet.
func withMend(err error, mend string) error {
	var has *mended
	if err == nil || mend == "" || errors.As(err, &has) {
		return err
	}
	return &mended{err, mend}
}

// gist is what an error says without the port of ours that it came about on, which is another one at every try.
func gist(err error) string {
	text := err.Error()
	var op *net.OpError
	if errors.As(err, &op) && op.Source != nil {
		text = strings.ReplaceAll(text, op.Source.String(), "")
	}
	return text
}

// KafkaMend is err with what to do about it where Kafka is not found or does not let hotlead in: which key of the
// configuration to look at, or which right the user lacks. Other errors it returns as they are.
func KafkaMend(err error) error {
	switch {
	case errors.Is(err, kafka.SASLAuthenticationFailed):
		return withMend(err, "Kafka knows no such user with this password: see kafka.sasl.username and kafka.sasl.password_file")
	case errors.Is(err, kafka.UnsupportedSASLMechanism):
		return withMend(err, "see kafka.sasl.mechanism")
	case errors.Is(err, kafka.TopicAuthorizationFailed), errors.Is(err, kafka.GroupAuthorizationFailed),
		errors.Is(err, kafka.TransactionalIDAuthorizationFailed), errors.Is(err, kafka.ClusterAuthorizationFailed):
		return withMend(err, "give Kafka's user the rights that SECURITY.md lists")
	}
	if isNobodyThere(err) {
		return withMend(err, "start Kafka, or say where it is: in kafka.brokers of the configuration, or by HOTLEAD_KAFKA_BROKERS=host:port")
	}
	return withMend(err, tlsMend(err, "kafka"))
}

// RedisMend is the same of Redis.
func RedisMend(err error) error {
	switch {
	case redis.HasErrorPrefix(err, "WRONGPASS"), redis.HasErrorPrefix(err, "NOAUTH"):
		return withMend(err, "see redis.username and redis.password_file")
	case redis.HasErrorPrefix(err, "NOPERM"):
		return withMend(err, "give Redis' user the commands and keys that deploy/redis/users.acl lists")
	}
	if isNobodyThere(err) {
		return withMend(err, "start Redis, or say where it is: in redis.addrs of the configuration, or by HOTLEAD_REDIS_ADDRS=host:port")
	}
	return withMend(err, tlsMend(err, "redis"))
}

// isNobodyThere is whether an address leads nowhere: nothing listens there, or nobody knows the name.
func isNobodyThere(err error) bool {
	var name *net.DNSError
	return errors.Is(err, syscall.ECONNREFUSED) || errors.As(err, &name) && name.IsNotFound
}

// mendedOf is an error of a lane, which may be of either: only what can be of one alone is mended.
func mendedOf(err error) error {
	var fromRedis redis.Error
	var fromKafka kafka.Error
	switch {
	case errors.As(err, &fromKafka):
		return KafkaMend(err)
	case errors.As(err, &fromRedis):
		return RedisMend(err)
	}
	return err
}

// tlsMend is what to do where the two ends can't agree on how to talk in secret; section is that of the configuration.
func tlsMend(err error, section string) string {
	var (
		unknown   x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		plain     tls.RecordHeaderError
		operation *net.OpError
	)
	switch {
	case errors.As(err, &unknown):
		return "name the authority that signed the server's certificate in " + section + ".tls.ca_file"
	case errors.As(err, &host):
		return "name the server in the configuration as its certificate does"
	case errors.As(err, &invalid):
		return "the server's certificate has to be renewed"
	case errors.As(err, &plain):
		return "the server does not speak TLS at this address: see its port, or " + section + ".tls.enabled"
	case errors.As(err, &operation) && operation.Op == "remote error":
		return "the server wants a certificate that it trusts: see " + section + ".tls.cert_file and " + section + ".tls.key_file"
	}
	return ""
}
