# The commands of the runbook's daily sections as they stand there, for what a host of the fleet has. Nobody reads what
# they print: that work is left to the operator, and its time is not in the figures.
curl -f -H "Host: $API" -H 'Accept: application/json' http://localhost:8000/api/v1/health || echo "API service down"
curl -f -H "Host: $API" -H 'Accept: application/json' http://localhost:8000/api/v1/readiness || echo "API not ready"
systemctl is-active postgresql@17-main redis-server xorb-api nginx prometheus-node-exporter || echo "Unit issues detected"
redis-cli -h localhost -p 6379 ping || echo "Redis connectivity issue"
pg_isready -h localhost -p 5432 || echo "PostgreSQL connectivity issue"
df -h
free -h
top -n 1 -b | head -20
curl -s -H "Host: $API" -H 'Accept: application/json' http://localhost:8000/api/v1/ptaas/health
openssl s_client -connect localhost:8443 -servername "$API" -CAfile /etc/xorb/tls/ca.pem < /dev/null | openssl x509 -noout -dates
curl -s -o /dev/null -w '%{http_code}' -H "Host: $API" -H 'Authorization: Bearer invalid_token' http://localhost:8000/api/v1/status
curl -s -H "Host: $API" -H 'Accept: application/json' http://localhost:8000/api/v1/metrics
psql -h localhost -U xorb_monitor -d xorb_db -c "SELECT version();"
psql -h localhost -U xorb_monitor -d xorb_db -c "SELECT datname, tup_returned, tup_fetched FROM pg_stat_database"
redis-cli -h localhost -p 6379 info replication
redis-cli -h localhost -p 6379 info memory
redis-cli -h localhost -p 6379 info stats
