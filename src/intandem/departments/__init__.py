"""Who decides: inventory and recommendation, by rule or by network, put together as a policy."""

from intandem.departments.department import Department as Department
from intandem.departments.department import LearningDepartment as LearningDepartment
from intandem.departments.department import Sample as Sample
from intandem.departments.inventory import InventoryNetwork as InventoryNetwork
from intandem.departments.inventory import inventory_network as inventory_network
from intandem.departments.joint_policy import JointPolicy as JointPolicy
from intandem.departments.outlook import Reference as Reference
from intandem.departments.outlook import look_ahead as look_ahead
from intandem.departments.outlook import reference as reference
from intandem.departments.plain import PlainInventory as PlainInventory
from intandem.departments.plain import PlainRecommendation as PlainRecommendation
from intandem.departments.plain import plain_departments as plain_departments
from intandem.departments.recommendation import RecommendationNetwork as RecommendationNetwork
from intandem.departments.recommendation import recommendation_network as recommendation_network
from intandem.departments.specification import DUAL_PRICE as DUAL_PRICE
from intandem.departments.specification import RULE_POLICIES as RULE_POLICIES
from intandem.departments.specification import inventory_rule as inventory_rule
from intandem.departments.specification import policy_of_rules as policy_of_rules
from intandem.departments.specification import recommendation_rule as recommendation_rule
