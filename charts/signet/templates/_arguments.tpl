{{/*
A value as the command line wants it. Numbers of a values file are floating point: 1000000 would become 1e+06.
YAML reads a bare `on` and `off` as true and false.
*/}}
{{- define "signet.scalar" -}}
{{- if kindIs "invalid" . -}}
{{- else if and (kindIs "float64" .) (eq (floor .) .) -}}
{{- int64 . -}}
{{- else -}}
{{- . -}}
{{- end -}}
{{- end -}}

{{- define "signet.word" -}}
{{- if kindIs "bool" . -}}
{{- ternary "on" "off" . -}}
{{- else -}}
{{- . -}}
{{- end -}}
{{- end -}}

{{/*
`a=1,b=2`, as --privatekey-labels takes it.
*/}}
{{- define "signet.pairs" -}}
{{- $pairs := list -}}
{{- range $name, $value := . -}}
{{- $pairs = append $pairs (printf "%s=%s" $name $value) -}}
{{- end -}}
{{- join "," $pairs -}}
{{- end -}}

{{/*
Whether all namespaces are watched. Without rights on the whole cluster that cannot work.
*/}}
{{- define "signet.allNamespaces" -}}
{{- and .Values.allNamespaces (not .Values.rbac.namespacedRoles) -}}
{{- end -}}

{{/*
The arguments that the values ask for: flag, value, and the controller's own default, which needs no words.
*/}}
{{- define "signet.arguments" -}}
{{- $forbidden := "kubernetes.io/service-account-token,bootstrap.kubernetes.io/token,helm.sh/release.v1" -}}
{{- $flags := list
  (list "update-status" .Values.updateStatus true)
  (list "skip-recreate" .Values.skipRecreate false)
  (list "key-renew-period" .Values.keyrenewperiod "")
  (list "key-ttl" .Values.keyttl "")
  (list "key-cutoff-time" .Values.keycutofftime "")
  (list "key-size" .Values.keySize "")
  (list "my-cn" .Values.myCN "")
  (list "key-order-priority" .Values.keyOrderPriority "")
  (list "rate-limit" .Values.rateLimit "")
  (list "rate-limit-burst" .Values.rateLimitBurst "")
  (list "key-prefix" .Values.secretName "")
  (list "all-namespaces" (include "signet.allNamespaces" .) true)
  (list "additional-namespaces" (join "," .Values.additionalNamespaces) "")
  (list "label-selector" .Values.labelSelector "")
  (list "privatekey-annotations" (include "signet.pairs" .Values.privateKeyAnnotations) "")
  (list "privatekey-labels" (include "signet.pairs" .Values.privateKeyLabels) "")
  (list "repair" (include "signet.word" .Values.repair) "on")
  (list "templates" (include "signet.word" .Values.templates) "full")
  (list "template-functions" .Values.templateFunctions "")
  (list "rotate" (include "signet.word" .Values.rotate) "any")
  (list "allow-sealed-keys" .Values.allowSealedKeys false)
  (list "old-gc-behavior" .Values.oldGcBehavior false)
  (list "accept-deprecated-v1-data" .Values.acceptDeprecatedV1Data true)
  (list "workers" .Values.workers "")
  (list "leader-elect" (include "signet.leaderElect" .) "auto")
  (list "leader-elect-lease-duration" .Values.leaderElectLeaseDuration "")
  (list "leader-elect-renew-deadline" .Values.leaderElectRenewDeadline "")
  (list "leader-elect-retry-period" .Values.leaderElectRetryPeriod "")
  (list "leader-elect-resource-name" (include "signet.fullname" .) "sealed-secrets-controller")
  (list "log-info-stdout" .Values.logInfoStdout true)
  (list "log-level" .Values.logLevel "")
  (list "log-format" .Values.logFormat "")
  (list "listen-addr" (printf ":%s" (include "signet.scalar" .Values.containerPorts.http)) "")
  (list "listen-metrics-addr" (printf ":%s" (include "signet.scalar" .Values.containerPorts.metrics)) "")
  (list "read-timeout" .Values.readTimeout "")
  (list "write-timeout" .Values.writeTimeout "")
  (list "max-unseal-retries" .Values.maxRetries "")
  (list "watch-for-secrets" .Values.watchForSecrets false)
  (list "metrics-omit-secret-labels" .Values.metrics.omitSecretLabels false)
  (list "kubeclient-qps" .Values.kubeClientQPS "")
  (list "kubeclient-burst" .Values.kubeClientBurst "")
-}}
{{- $arguments := list -}}
{{- range $flags -}}
{{- $value := include "signet.scalar" (index . 1) -}}
{{- if not (or (eq $value "") (eq $value (toString (index . 2)))) -}}
{{- $arguments = append $arguments (printf "--%s=%s" (first .) $value) -}}
{{- end -}}
{{- end -}}
{{- $types := join "," .Values.forbiddenSecretTypes -}}
{{- if ne $types $forbidden -}}
{{- $arguments = append $arguments (printf "--forbidden-secret-types=%s" $types) -}}
{{- end -}}
{{- toYaml $arguments -}}
{{- end -}}
