"""Exports of cloud providers and trackers, as their documents say they are written."""

import csv
import io

AWS = (
    "last_refresh_timestamp", "location", "model_version", "payer_account_id", "product_code", "region_code",
    "total_lbm_emissions_unit", "total_lbm_emissions_value", "total_mbm_emissions_unit", "total_mbm_emissions_value",
    "usage_account_id", "usage_period_end", "usage_period_start",
)  # fmt: skip
GOOGLE = (
    "usage_month", "billing_account_id", "project.number", "project.id", "service.id", "service.description",
    "location.location", "location.region", "carbon_model_version", "carbon_footprint_kgCO2e.scope1",
    "carbon_footprint_kgCO2e.scope2.location_based", "carbon_footprint_kgCO2e.scope2.market_based",
    "carbon_footprint_kgCO2e.scope3", "carbon_footprint_total_kgCO2e.location_based",
    "carbon_footprint_total_kgCO2e.market_based",
)  # fmt: skip
AZURE = ("dateKey", "enrollmentId", "subscriptionId", "azureServiceName", "subService", "azureRegionName", "scope",
         "totalEmissions")  # fmt: skip
WIDE = ("Month", "Subscription", "Resource group", "Service", "Region", "Scope 1 emissions (kgCO2e)",
        "Scope 2 emissions (kgCO2e)", "Scope 3 emissions (kgCO2e)")  # fmt: skip
CODECARBON = (
    "timestamp", "project_name", "run_id", "experiment_id", "duration", "emissions", "emissions_rate", "cpu_power",
    "gpu_power", "ram_power", "cpu_energy", "gpu_energy", "ram_energy", "energy_consumed", "country_name",
    "country_iso_code", "region", "cloud_provider", "cloud_region", "os", "python_version", "codecarbon_version",
    "cpu_count", "cpu_model", "gpu_count", "gpu_model", "longitude", "latitude", "ram_total_size", "tracking_mode",
    "on_cloud", "pue",
)  # fmt: skip


def table(columns, *rows, delimiter=","):
    """A table whose rows give cells by their columns; the others are empty."""
    found = io.StringIO()
    writer = csv.writer(found, delimiter=delimiter, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([row.get(column, "") for column in columns] for row in rows)
    return found.getvalue()


def aws_row(lbm="1.5", mbm="0", month="2026-03", **rest):
    given = {
        "last_refresh_timestamp": "2026-06-21 06:00:00Z", "location": "Europe (Frankfurt)", "model_version": "v3.0.0",
        "payer_account_id": "111122223333", "product_code": "AmazonEC2", "region_code": "eu-central-1",
        "total_lbm_emissions_unit": "MTCO2e", "total_lbm_emissions_value": lbm, "total_mbm_emissions_unit": "MTCO2e",
        "total_mbm_emissions_value": mbm, "usage_account_id": "444455556666",
        "usage_period_end": f"{month}-28 23:59:59Z", "usage_period_start": f"{month}-01 00:00:00Z",
    }  # fmt: skip
    return {**given, **rest}


def google_row(location="1587.3", market="588.8", **rest):
    given = {
        "usage_month": "2026-03-01", "billing_account_id": "007GD7-15C0E6-BDE6B3", "project.id": "my-project",
        "service.description": "Compute Engine", "location.region": "us-central1", "location.location": "us-central1-a",
        "carbon_model_version": "13", "carbon_footprint_total_kgCO2e.location_based": location,
        "carbon_footprint_total_kgCO2e.market_based": market,
    }  # fmt: skip
    return {**given, **rest}


def azure_row(amount="0.002", scope="Scope 2", **rest):
    given = {
        "dateKey": "20260301", "enrollmentId": "12345678", "subscriptionId": "s-1", "azureServiceName": "App Service",
        "azureRegionName": "westeurope", "scope": scope, "totalEmissions": amount,
    }  # fmt: skip
    return {**given, **rest}


def wide_row(one="1", two="2", three="3", **rest):
    given = {
        "Month": "2026-03", "Subscription": "s-1", "Resource group": "g", "Service": "Storage", "Region": "westeurope",
        "Scope 1 emissions (kgCO2e)": one, "Scope 2 emissions (kgCO2e)": two, "Scope 3 emissions (kgCO2e)": three,
    }  # fmt: skip
    return {**given, **rest}


def run(kwh="2", kg="0.7", name="r-1", **rest):
    given = {
        "timestamp": "2026-03-31T23:10:00", "project_name": "summariser", "run_id": name, "duration": "3600",
        "emissions": kg, "energy_consumed": kwh, "country_iso_code": "DEU", "region": "hesse",
        "codecarbon_version": "3.3.2", "tracking_mode": "machine", "on_cloud": "N", "pue": "1.0",
    }  # fmt: skip
    return {**given, **rest}


def aws(*rows, **how):
    return table(AWS, *(rows or (aws_row(),)), **how)


def google(*rows, **how):
    return table(GOOGLE, *(rows or (google_row(),)), **how)


def azure(*rows, **how):
    return table(AZURE, *(rows or (azure_row(),)), **how)


def wide(*rows, **how):
    return table(WIDE, *(rows or (wide_row(),)), **how)


def codecarbon(*rows, **how):
    return table(CODECARBON, *(rows or (run(),)), **how)


EXPORTS = {"aws": aws, "google": google, "azure": azure, "codecarbon": codecarbon}
